import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { type Dagster, type Document, dagster } from "../../../src/dagster/client.ts";
import { isChanged, setSensorCursor, startSchedule } from "../../../src/dagster/instigators.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { runStep, type StepResult } from "../../runner/run-step.ts";
import { testContext } from "../../unit/context.ts";

// What new code changes among Dagster's definitions, told by a plan against a released example whose Dagster is real.

const location = "DealFlow";
const where = { repositoryLocationName: location, repositoryName: "__repository__" };
const main = "app/main.py";

let workplace: Workplace;
let asked: Dagster;
let original: string;

beforeAll(async () => {
  workplace = await openWorkplace({ speed: 50, shares: true });
  asked = dagster({ url: workplace.webserverUrl, login: null }, testContext().context);
  original = readFileSync(join(workplace.folder, main), "utf8");
  const stack = join(workplace.folder, "dagster-stack.yml");
  writeFileSync(
    stack,
    readFileSync(stack, "utf8")
      .replace("canary: { location: DealFlow, job: canary }", "reach: runner")
      .replace(/^  - \{ name: application, tool: alembic.*\n/m, ""),
  );
  workplace.git("commit", "--quiet", "--all", "--message=Without what takes its time");
  green(await step({}));
  for (const changed of [
    await asked.ask(startSchedule, { selector: { ...where, scheduleName: "nightly" } }),
    await asked.ask(setSensorCursor, { selector: { ...where, sensorName: "mailbox" }, cursor: "mail 42" }),
  ])
    expect(isChanged(changed)).toBe(true);
  expect(await asked.ask(reportMaterialization, { asset: { path: ["ranked_deals"] } })).toMatchObject({
    reported: { __typename: "ReportRunlessAssetEventsSuccess" },
  });
}, 600_000);

afterAll(() => workplace.close());

afterEach(() => {
  writeFileSync(join(workplace.folder, main), original);
  if (workplace.git("status", "--porcelain") !== "") workplace.git("commit", "--quiet", "--all", "--message=As it was");
});

const expected = [
  {
    change: "renamed",
    kind: "schedule",
    name: "each_night",
    former: { repository: "__repository__", name: "nightly" },
    touches: { kind: "state", status: "RUNNING", byHand: true, hasCursor: false },
  },
  {
    change: "removed",
    kind: "sensor",
    name: "mailbox",
    touches: { kind: "state", status: "STOPPED", hasCursor: true },
  },
  { change: "removed", kind: "asset", name: "ranked_deals", touches: { kind: "materializations" } },
  { change: "changed", kind: "asset", name: "deals", members: [{ member: "partitions", from: "none" }] },
  { change: "added", kind: "job", name: "clean_up" },
];

/** Renames a schedule, removes a sensor and an asset, adds a job, gives an asset partitions. */
function change(text: string): string {
  return text
    .replace('name="nightly"', 'name="each_night"')
    .replace("sensors=[mailbox]", "sensors=[]")
    .replace("assets=[deals, ranked_deals]", "assets=[deals]")
    .replace("jobs=[canary, collect]", "jobs=[canary, collect, clean_up]")
    .replace("@asset\ndef deals", "@asset(partitions_def=DailyPartitionsDefinition('2026-01-01'))\ndef deals")
    .replace("import Definitions,", "import DailyPartitionsDefinition, Definitions,")
    .replace("@sensor(", "@job\ndef clean_up() -> None:\n    say_version()\n\n\n@sensor(");
}

test("loaded on the runner: what is added, removed, renamed and changed, with the state that touches; nothing of the job is given to the code", async () => {
  edit((text) => `import os\nprint("I have", " ".join(os.environ))\n${change(text)}`);
  const { outputs, summary, log } = green(await step({ command: "plan", definitions: "load" }));
  expect(compared(outputs)).toMatchObject({ [location]: { kind: "compared", changes: expected } });
  expect(summary).toContain("Dagster definitions of DealFlow: 1 added, 2 removed, 1 renamed, 1 changed");
  expect(summary).toContain(
    "**State of 2 schedules and sensors of `DealFlow` would be lost**: schedule nightly, sensor mailbox.",
  );
  expect(summary).toMatch(/\| removed \| asset \| `ranked_deals` \| materialized, last on \d{4}-\d\d-\d\d: that stays/);
  const said = log.filter((line) => line.includes("I have"));
  expect(said.join("\n")).toContain("DEAL_FLOW_CODE_HOST");
  expect(said.join("\n")).not.toMatch(/AWS_|GITHUB_|ACTIONS_|INPUT_|SYSTEM_DB_CONN_STRING|JOB_SECRET/);
}, 600_000);

test("written where the code runs: the same, from the file", async () => {
  edit(change);
  const file = await described();
  const { outputs } = green(await step({ command: "plan", definitions: file, "allow-dirty": "true" }));
  expect(compared(outputs)).toMatchObject({ [location]: { kind: "compared", changes: expected } });
}, 600_000);

test("the code that is served changes nothing, as a file or where it stays", async () => {
  const file = await described();
  expect(compared(green(await step({ command: "plan", definitions: `${location}=${file}` })).outputs)).toMatchObject({
    [location]: { kind: "compared", changes: [], count: 6 },
  });
  expect(compared(green(await step({ command: "plan", definitions: "load" })).outputs)).toEqual({
    [location]: { kind: "stays" },
  });
}, 600_000);

test("code that does not load is told with its own words, and the plan is made", async () => {
  edit((text) => `import os\nKEY = os.environ["OPENAI_API_KEY"]\n${text}`);
  const { outputs, summary } = green(await step({ command: "plan", definitions: "load" }));
  expect(compared(outputs)).toMatchObject({
    [location]: { kind: "not-compared", quoted: { untrusted: "KeyError: 'OPENAI_API_KEY' (/app/app/main.py:2)" } },
  });
  expect(summary).toContain("were not compared: The new code does not load where it was tried.");
}, 600_000);

const reportMaterialization: Document<{ readonly reported: { readonly __typename: string } }> = {
  name: "Report",
  text: `mutation Report($asset: AssetKeyInput!) {
    reported: reportRunlessAssetEvents(eventParams: { eventType: ASSET_MATERIALIZATION, assetKey: $asset }) { __typename }
  }`,
  answer: z.object({ reported: z.object({ __typename: z.string() }) }),
};

/** Path of what `definitions/describe.py` says of the checkout. */
async function described(): Promise<string> {
  const python = await machinePython();
  const lockFile = fileURLToPath(new URL("../../fixtures/python/dagster.txt", import.meta.url));
  const packages = await installedPackages(python, lockFile, { compile: false });
  const program = fileURLToPath(new URL("../../../definitions/describe.py", import.meta.url));
  const file = join(workplace.bed.folder, "definitions.json");
  execFileSync(python.executable, [program, "--location", location, "-m", "app.main", "--output", file], {
    cwd: workplace.folder,
    env: { PATH: "/usr/bin:/bin", PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1", PYTHONNOUSERSITE: "1" },
    stdio: "pipe",
  });
  return file;
}

function compared(outputs: StepResult["outputs"]): unknown {
  return JSON.parse(outputs["dagster-definitions"] ?? "");
}

function edit(changed: (text: string) => string): void {
  writeFileSync(join(workplace.folder, main), changed(original));
  workplace.git("commit", "--quiet", "--all", "--message=Change the code");
}

function step(inputs: Readonly<Record<string, string>>): Promise<StepResult> {
  const job = workplace.job();
  return runStep(
    { ...job, environment: { ...job.environment, JOB_SECRET: "hunter2" } },
    { action: ".", with: { environment: "local", ...inputs } },
  );
}

function green(result: StepResult): StepResult {
  if (result.exitCode === 0) return result;
  throw new Error([...result.log, ...result.annotations.map(({ message }) => message)].join("\n"));
}
