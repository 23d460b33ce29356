import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { type Dagster, dagster } from "../../../src/dagster/client.ts";
import { isChanged, setSensorCursor, startSchedule } from "../../../src/dagster/instigators.ts";
import { readState } from "../../../src/gates/state/read.ts";
import { runJob } from "../../runner/run-job.ts";
import type { StepResult } from "../../runner/run-step.ts";
import { testContext } from "../../unit/context.ts";

// One bed for all: releases of the example, one after another, on a real Dagster whose database remembers what people do.

const location = "DealFlow";
const where = { repositoryLocationName: location, repositoryName: "__repository__" };

let workplace: Workplace;
let asked: Dagster;

beforeAll(async () => {
  workplace = await openWorkplace({ speed: 50, shares: true });
  asked = dagster({ url: workplace.webserverUrl, login: null }, testContext().context);
  // A canary and the application's own migration take their time, and say nothing here.
  edit("dagster-stack.yml", (text) =>
    text
      .replace("canary: { location: DealFlow, job: canary }", "reach: runner")
      .replace(/^  - \{ name: application, tool: alembic.*\n/m, ""),
  );
  const { exitCode, log } = await release();
  if (exitCode !== 0) throw new Error(log);
  for (const changed of [
    await asked.ask(startSchedule, { selector: { ...where, scheduleName: "nightly" } }),
    await asked.ask(setSensorCursor, { selector: { ...where, sensorName: "mailbox" }, cursor: "mail 42" }),
  ])
    expect(isChanged(changed)).toBe(true);
});

afterAll(() => workplace.close());

test("what people have made survives a change of code, and that is said", async () => {
  edit("app/version.py", (text) => text.replace('"1"', '"2"'));
  const { exitCode, log } = await release();
  expect(log).toContain("gate/state/DealFlow: 2 schedules and sensors compared");
  expect(exitCode).toBe(0);
  expect(await state()).toEqual(asPeopleLeftIt);
});

test("code that does not load is told as that, and not as the loss of what nobody sees; all is as it was", async () => {
  edit("app/main.py", (text) => `import a_module_that_nobody_has\n${text}`);
  const { exitCode, log, outputs } = await release();
  expect([exitCode, outputs["outcome"]]).toEqual([1, "taken-back"]);
  expect(log).not.toContain("is gone");
  expect(log).toContain("Schedules and sensors of DealFlow: as before");
  expect(await state()).toEqual(asPeopleLeftIt);
  workplace.git("revert", "--no-edit", "HEAD");
});

test("code that loads, and defines nothing any more, is taken back", async () => {
  edit("app/main.py", (text) => `${text}\ndefinitions = Definitions()\n`);
  const { exitCode, log, outputs } = await release();
  expect([exitCode, outputs["outcome"]]).toEqual([1, "taken-back"]);
  expect(log).toContain("has neither a job nor an asset any more");
  expect(await state()).toEqual(asPeopleLeftIt);
  workplace.git("revert", "--no-edit", "HEAD");
});

test("a location under another name is refused before anything moves, with what the old one holds", async () => {
  edit("dagster-stack.yml", (text) => text.replace("location: DealFlow #", "location: Deals #"));
  edit("docker/workspace.yaml", (text) => text.replace("location_name: DealFlow", "location_name: Deals"));
  const { exitCode, log, outputs } = await release();
  expect([exitCode, outputs["outcome"] ?? ""]).toEqual([1, ""]);
  expect(log).toContain("does not have code location DealFlow any more");
  expect(log).toContain("schedule nightly, sensor mailbox. New is Deals.");
  expect(log).not.toContain("roll/");
  expect(await state()).toEqual(asPeopleLeftIt);
  workplace.git("revert", "--no-edit", "HEAD~2..HEAD");
});

test("assets that the stack file names are there, or the release is taken back with what was meant", async () => {
  const names = (keys: string): string => `expect: { assets: { DealFlow: [${keys}] } }`;
  edit("dagster-stack.yml", (text) => text.replace("gates: { ", `gates: { ${names("deals, ranked_deals")}, `));
  edit("app/version.py", (text) => text.replace(/"\d+"/, '"3"'));
  const { exitCode, log } = await release();
  expect(log).toContain("gate/expect/deal-flow: 2 assets there");
  expect(exitCode).toBe(0);
  edit("dagster-stack.yml", (text) => text.replace("ranked_deals]", "ranked_deal]"));
  edit("app/version.py", (text) => text.replace('"3"', '"4"'));
  const second = await release();
  expect([second.exitCode, second.outputs["outcome"]]).toEqual([1, "taken-back"]);
  expect(second.log).toContain("ranked_deal in DealFlow (the nearest it has is ranked_deals)");
  expect(await state()).toEqual(asPeopleLeftIt);
  edit("dagster-stack.yml", (text) => text.replace(`${names("deals, ranked_deal")}, `, ""));
});

describe("A schedule that is on, under another name", () => {
  beforeAll(() => edit("app/main.py", (text) => text.replace('name="nightly"', 'name="nightly_load"')));

  test("stops the release, with both names, and is taken back with what it was", async () => {
    const { exitCode, log, outputs } = await release();
    expect([exitCode, outputs["outcome"]]).toEqual([1, "taken-back"]);
    expect(log).toContain("schedule nightly (RUNNING by hand) is gone; probably renamed: schedule nightly_load is new");
    expect(log).toContain("Schedules and sensors of DealFlow: as before");
    expect(await state()).toEqual(asPeopleLeftIt);
  });

  test("is released when the loss is meant; it begins anew, and what the stack file names is put so, and ticks", async () => {
    const expected = "expect: { restore: true, sensors: { mailbox: { status: RUNNING, tick: success } } }";
    edit("dagster-stack.yml", (text) => text.replace("gates: { ", `gates: { ${expected}, `));
    const { exitCode, log } = await release({ "allow-state-loss": "true" });
    expect(log).toContain("Lost, as was allowed: schedule nightly (RUNNING by hand) is gone");
    expect(log).toContain("expect deal-flow: put to what is named: sensor mailbox");
    expect(log).toContain("gate/expect/deal-flow: 1 schedules and sensors as named");
    expect(exitCode).toBe(0);
    expect(await state()).toEqual({
      nightly_load: { status: "STOPPED", byHand: false, cursor: null },
      mailbox: { status: "RUNNING", byHand: true, cursor: "mail 42" },
    });
  });
});

const asPeopleLeftIt = {
  nightly: { status: "RUNNING", byHand: true, cursor: null },
  mailbox: { status: "STOPPED", byHand: expect.any(Boolean) as boolean, cursor: "mail 42" },
};

/** Schedules and sensors as Dagster has them now, by name. */
async function state(): Promise<object> {
  const seen = await readState(asked);
  const answer = typeof seen === "string" ? undefined : seen.get(location);
  if (answer?.kind !== "loaded") throw new Error(JSON.stringify(answer ?? seen));
  return Object.fromEntries(
    answer.instigators.map(({ name, status, byHand, cursor }) => [
      name,
      { status, byHand, cursor: cursor?.text ?? null },
    ]),
  );
}

function edit(path: string, change: (text: string) => string): void {
  const file = join(workplace.folder, path);
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`nothing to change in ${path}`);
  writeFileSync(file, after);
  workplace.git("commit", "--quiet", "--all", `--message=Change ${path}`);
}

/** The whole of what is checked out, as a workflow would. */
async function release(
  inputs: Readonly<Record<string, string>> = {},
): Promise<Pick<StepResult, "exitCode" | "outputs"> & { readonly log: string }> {
  const { steps } = await runJob(workplace.job(), [{ action: ".", with: { environment: "local", ...inputs } }]);
  const [result] = steps;
  if (result === undefined) throw new Error("nothing ran");
  const { exitCode, outputs, log, annotations } = result;
  return { exitCode, outputs, log: [...log, ...annotations.map(({ message }) => message)].join("\n") };
}
