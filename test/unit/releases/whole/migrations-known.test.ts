import type { Task } from "@aws-sdk/client-ecs";
import { Cancelled } from "../../../../src/domain/errors.ts";
import type { Release } from "../../../../src/domain/release.ts";
import type { TaskBehaviour } from "../../../local-aws/runtimes/scripted.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { sideBySide, wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { mend, newCode } from "../../../releases/played/situations.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import type { Wire } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
let first: Release;
beforeEach(async () => {
  account = await openAccount();
  ({ release: first } = await act(1, (who) => who.deploy()));
});
afterEach(() => account.close());

async function act<T>(run: number, work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, { ...options, run })));
  await account.clock.pass(60_000);
  return result;
}

const idsOf = (plan: { readonly steps: readonly { readonly id: string }[] }) => plan.steps.map(({ id }) => id);

/** Tasks of migrations end so, and their program says this. */
function migrations(code: number, facts: object, afterSeconds = 1): void {
  account.runtime.script(
    ({ definition: { family = "" } }) => family.startsWith("small-once-"),
    ({ overrides }): TaskBehaviour => {
      const mark = overrides.containerOverrides?.[0]?.command?.[3] ?? "";
      const known = { lock: "held", database: "postgresql", heads: ["0002"], unknown: [] };
      const report = { ...known, before: ["0001"], after: ["0002"], ...facts };
      const log = [{ revision: "0002", doc: "More." }, report].map((line) => ({ text: mark + JSON.stringify(line) }));
      return { kind: "exits", code, afterSeconds, log };
    },
  );
}

async function migrationTasks(): Promise<readonly Task[]> {
  const listed = await Promise.all(
    ["RUNNING", "STOPPED"].map((desiredStatus) =>
      readPastClient(account.aws, "ListTasks", { cluster: "small", family: "small-once-code", desiredStatus }),
    ),
  );
  const tasks = (listed as readonly { readonly taskArns?: readonly string[] }[]).flatMap(
    ({ taskArns = [] }) => taskArns,
  );
  const answer = await readPastClient(account.aws, "DescribeTasks", { cluster: "small", tasks });
  return (answer as { readonly tasks?: readonly Task[] }).tasks ?? [];
}

/** A deploy is killed while its migration runs, which takes five minutes. */
async function killedInMigration(run: number): Promise<void> {
  migrations(0, { end: "done" }, 300);
  let runs = false;
  await killedBefore(
    account,
    ({ operation }) => {
      const before = runs;
      runs ||= operation === "RunTask";
      return before && operation === "DescribeTasks";
    },
    (wire) => deployer(account, { run, wire }).deploy(),
  );
}
const over: DeployerOptions = { isOver: () => Promise.resolve("over") };

test("a migration that moves to another image, which is current already, is run from there", async () => {
  const moved = stackFile.replace("name: application, image: code", "name: application, image: host");
  await account.commit({ "dagster-stack.yml": moved });
  expect(idsOf((await act(2, (who) => who.deploy())).plan)).toContain("migrate/application");
});

test("a migration that failed half-way is run again, also after a rollback", async () => {
  await account.commit(newCode);
  await act(2, (who) => who.deploy());
  const third = await account.commit({ "app/main.py": "VERSION = 3\n" });
  migrations(1, { end: "failed" });
  await expect(act(3, (who) => who.deploy())).rejects.toThrow("The schema is at 0002 now.");
  const looked = "checks: { rollback-schema: { level: warning, until: 2099-01-01, reason: looked } }\n";
  await account.commit({ "dagster-stack.yml": `${stackFile}${looked}` });
  const back = await act(4, (who) => who.rollback(first.id));
  expect(back.release.migrations).toMatchObject({ application: { state: "none", whole: false } });
  await account.checkOut(third);
  mend(account);
  expect(idsOf((await act(5, (who) => who.plan())).plan)).toContain("migrate/application");
});

test("the image that was gone back to is released again without a migration; the one that was left is, too", async () => {
  const second = await account.commit({ "app/main.py": "VERSION = 2\n" });
  migrations(0, { end: "done" });
  await act(2, (who) => who.deploy());
  const looked = "checks: { rollback-schema: { level: warning, until: 2099-01-01, reason: looked } }\n";
  await account.commit({ "dagster-stack.yml": `${stackFile}${looked}` });
  await act(3, (who) => who.rollback(first.id));
  await account.checkOut(first.source.sha);
  const options = { allowDivergent: true };
  expect(idsOf((await act(4, (who) => who.plan(), options)).plan)).not.toContain("migrate/application");
  await account.checkOut(second);
  expect(idsOf((await act(5, (who) => who.plan(), options)).plan)).not.toContain("migrate/application");
});

test("a rollback stops a migration that outlived its deployer, and says that where the schema is is not known", async () => {
  await account.commit(newCode);
  await killedInMigration(2);
  const who = deployer(account, { run: 3, ...over });
  await account.clock.run(who.rollback(first.id));
  const lines = who.progress.flatMap((one) => (one.kind === "line" ? [one.text] : []));
  expect(lines).toContainEqual(expect.stringMatching(/^task \S+ of release \S+, which was cut, still ran a migration/));
  const ids = who.progress.flatMap((one) => (one.kind === "finding" ? [`${one.finding.level} ${one.finding.id}`] : []));
  expect(ids).toContain("warning rollback-schema");
  expect(await wrongWith(account)).toEqual([]);
});

test("a deploy that does not need it stops it as well, and one that does waits for it", async () => {
  const code = await account.commit(newCode);
  await killedInMigration(2);
  await account.checkOut(first.source.sha);
  await account.clock.run(deployer(account, { run: 3, ...over }).deploy());
  expect(await wrongWith(account)).toEqual([]);
  await account.checkOut(code);
  await killedInMigration(4);
  const who = deployer(account, { run: 5, ...over });
  expect((await account.clock.run(who.deploy())).outcome).toBe("committed");
  const lines = who.progress.flatMap((one) => (one.kind === "line" ? [one.text] : []));
  expect(lines.join("\n")).not.toContain("still ran a migration");
  expect(sideBySide(await migrationTasks())).toBe(0);
});

test("what it did to the database is recorded, although its end could not be noted", async () => {
  await account.commit(newCode);
  migrations(0, { end: "done" });
  let notes = 0;
  const wire: Wire = (call, effect) => {
    if (call.to !== "s3" || !call.writes || !call.about.endsWith("made.json")) return effect();
    notes += 1;
    if (notes === 1) return effect();
    const denied = { name: "AccessDenied", $fault: "client", $metadata: { httpStatusCode: 403 } };
    throw Object.assign(new Error("Access Denied"), denied);
  };
  const who = deployer(account, { run: 2, wire });
  const { outcome, release } = await account.clock.run(who.deploy());
  expect(outcome).toBe("committed");
  expect(release.migrations).toMatchObject({ application: { state: "done", heads: ["0002"] } });
  expect(notes).toBeGreaterThan(1);
});

test("that it was begun is recorded before it is", async () => {
  await account.commit(newCode);
  await killedInMigration(2);
  const { begun, made } = recordsOf(account);
  const last = begun.at(-1);
  expect(last === undefined ? null : made(last)?.migrations).toMatchObject({
    application: { state: "partial", whole: false, heads: null },
  });
});

test("one that was cancelled leaves where the schema is unknown: a rollback says so", async () => {
  await account.commit(newCode);
  migrations(0, { end: "done" }, 300);
  const who = deployer(account, {
    run: 2,
    wire: async (call, effect) => {
      const answer = await effect();
      if (call.operation === "RunTask")
        account.clock.bed.after(5_000, () => who.cancel(new Cancelled("Cancelled by SIGINT.")));
      return answer;
    },
  });
  await expect(account.clock.run(who.deploy())).rejects.toThrow("Cancelled before any service moved.");
  await account.clock.pass(60_000);
  const { begun, outcome } = recordsOf(account);
  const last = begun.at(-1);
  expect(last === undefined ? null : outcome(last)?.release.migrations).toMatchObject({
    application: { state: "partial", heads: null },
  });
});
