import type { Release } from "../../../../src/domain/release.ts";
import { addsSince } from "../../../../src/releases/revisions.ts";
import type { TaskBehaviour } from "../../../local-aws/runtimes/scripted.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";

const stack = stackFile.replace(
  "files: [{ from: app, to: /app/app }] }",
  "files: [{ from: app, to: /app/app }, { from: db, to: /app }] }",
);
const revision = (id: string, after: string | null, upgrade = "pass") =>
  `revision = "${id}"\ndown_revision = ${after === null ? "None" : `"${after}"`}\n\n\ndef upgrade():\n    ${upgrade}\n`;
const file = (id: string): string => `db/alembic/versions/${id}.py`;
const add = 'op.add_column("deals", sa.Column("score", sa.Integer()))';
const drop = 'op.drop_column("deals", "score")';

let account: PlayedAccount;
let head = "0001";
let runs = 0;
beforeEach(async () => {
  [head, runs] = ["0001", 0];
  account = await openAccount({ stack });
  account.runtime.script(
    ({ definition: { family = "" } }) => family.startsWith("small-once-"),
    ({ overrides }): TaskBehaviour => {
      const mark = overrides.containerOverrides?.[0]?.command?.[3] ?? "";
      const facts = { end: "done", lock: "held", database: "postgresql", heads: [head], before: [], unknown: [] };
      return {
        kind: "exits",
        code: 0,
        afterSeconds: 1,
        log: [{ text: mark + JSON.stringify({ ...facts, after: [head] }) }],
      };
    },
  );
  await account.commit({
    "db/alembic.ini": "[alembic]\nscript_location = alembic\n",
    [file("0001")]: revision("0001", null),
  });
});
afterEach(() => account.close());

/** Releases a commit with these files, after which the schema is at this revision. */
async function release(files: Readonly<Record<string, string>> = {}, at = head): Promise<Release> {
  await account.commit(files);
  head = at;
  runs += 1;
  const { release: made } = await account.clock.run(deployer(account, { run: runs }).deploy());
  await account.clock.pass(60_000);
  return made;
}

/** What is said of the schema when this is gone back to. */
async function back({ id }: Release): Promise<readonly string[]> {
  const who = deployer(account, { run: 99 });
  await account.clock.run(who.rollback(id).catch(() => undefined));
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
  return who.progress.flatMap((one) =>
    one.kind === "finding" && one.finding.id === "rollback-schema" ? [one.finding.level] : [],
  );
}

async function refused({ id }: Release): Promise<string> {
  const error: unknown = await account.clock.run(
    deployer(account, { run: 99 })
      .rollback(id)
      .catch((thrown: unknown) => thrown),
  );
  return error instanceof Error ? error.message : "it was not refused";
}

test("a release behind revisions that only add is gone back to, over several releases, with a notice", async () => {
  const first = await release();
  await release({ [file("0002")]: revision("0002", "0001", add) }, "0002");
  await release({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  const last = await release({ [file("0003")]: revision("0003", "0002", add) }, "0003");
  expect(last.migrations["application"]).toMatchObject({ heads: ["0003"], addsSince: ["0003", "0002", "0001"] });
  expect(await back(first)).toEqual(["notice"]);
});

test.each<[string, string, string]>([
  ["is marked", `# dagster-ecs: contract\n${revision("0002", "0001", drop)}`, stack],
  [
    "is allowed by the policy",
    revision("0002", "0001", drop),
    stack.replace("tool: alembic", "tool: alembic, policy: allow-destructive"),
  ],
  ["is marked, whatever is seen of it", `# dagster-ecs: contract\n${revision("0002", "0001")}`, stack],
])("a release behind a revision that takes away, and %s, is not; one after it is", async (_, second, file_) => {
  const first = await release();
  const contracted = await release({ [file("0002")]: second, "dagster-stack.yml": file_ }, "0002");
  await release({ [file("0003")]: revision("0003", "0002", add) }, "0003");
  expect(await refused(first)).toMatch(/application is at 0003, and that release knows 0001/);
  expect(await back(contracted)).toEqual(["notice"]);
});

test("where the schema is not at what was read, nothing is known", async () => {
  const first = await release();
  const other = await release({ [file("0002")]: revision("0002", "0001", add) }, "elsewhere");
  expect(other.migrations["application"]).toMatchObject({ heads: ["elsewhere"], addsSince: [] });
  expect(await refused(first)).toMatch(/is at elsewhere, and that release knows 0001/);
});

test("a promoted release knows what the one that it promotes does: it was looked at there", async () => {
  const proved = await release({ [file("0002")]: revision("0002", "0001", add) }, "0002");
  const promoted = { environment: "staging", release: proved, unfinished: [] };
  expect(addsSince({ scripts: {}, promoted }, "application")).toEqual(["0002", "0001"]);
  expect(addsSince({ scripts: {}, promoted: null }, "application")).toEqual([]);
});
