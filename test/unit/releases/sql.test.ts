import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { PlanRefused } from "../../../src/releases/result.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../releases/played/deployer.ts";

const asked = stackFile.replace("tool: alembic }", "tool: alembic, preview: sql }");
const withScripts = asked.replace("to: /app/app }] }", "to: /app/app }, { from: db, to: /app }] }");
const revision = (id: string, after: string) =>
  `revision = "${id}"\ndown_revision = ${after}\n\n\ndef upgrade():\n    pass\n`;
const scripts = {
  "db/alembic.ini": "[alembic]\nscript_location = alembic\n",
  "db/alembic/versions/0001.py": revision("0001", "None"),
};

let account: PlayedAccount;
afterEach(() => account.close());

async function summaryOf(stack: string, files: Readonly<Record<string, string>>, options: DeployerOptions = {}) {
  account = await openAccount({ stack: stackFile });
  await account.commit({ ...files, "dagster-stack.yml": stack });
  const { summary } = await account.clock.run(deployer(account, options).plan()).catch((error: unknown) => {
    if (error instanceof PlanRefused) return error.result;
    throw error;
  });
  return summary.markdown;
}

test.each<[string, string, Readonly<Record<string, string>>, RegExp]>([
  ["revisions that cannot be looked at", asked, {}, /not looked at before it is run: the checkout has no /],
  [
    "packages that come with the base",
    withScripts,
    scripts,
    /Which alembic image code has is not known: .*`requirements/,
  ],
  [
    "several heads",
    withScripts,
    { ...scripts, "db/alembic/versions/2.py": revision("0002", "None") },
    /What is found above is in/,
  ],
])("with %s there is no SQL, and the summary says why", async (_, stack, files, words) => {
  const summary = (await summaryOf(stack, files)).replaceAll("\\", "");
  expect(summary).toContain("No SQL of migration `application`: ");
  expect(summary).toMatch(words);
});

test("where files of the checkout may not be run that is said, before anything else is looked for", async () => {
  const summary = await summaryOf(withScripts, scripts, { whyNotRun: "Not here." });
  expect(summary).toContain("No SQL of migration `application`: Not here.");
});

test("of a migration for which nobody asks, nothing is said", async () => {
  expect(await summaryOf(stackFile, {})).not.toContain("SQL of migration");
});

test("on a machine without a Python that packages are known for, the summary says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "path-"));
  const path = process.env["PATH"];
  await writeFile(join(folder, "python3"), "#!/bin/sh\necho no such system >&2\nexit 1\n", { mode: 0o755 });
  process.env["PATH"] = `${folder}${delimiter}${path ?? ""}`;
  try {
    const stack = withScripts.replace("files: [{ from: app", "requirements: requirements.lock, files: [{ from: app");
    const lock = `alembic==1.20.1 --hash=sha256:${"0".repeat(64)}\n`;
    const summary = await summaryOf(stack, { ...scripts, "requirements.lock": lock });
    expect(summary).toMatch(/No SQL of migration `application`: What renders it cannot be had here\..*no such system/);
    expect(summary).toContain("Put actions/setup-python before this step");
  } finally {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true });
  }
});
