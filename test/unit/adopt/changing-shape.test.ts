import { openAccount, type PlayedAccount, stackFile } from "../../releases/played/account.ts";
import { type Deployer, deployer } from "../../releases/played/deployer.ts";
import { hostsStack, inProcessStack } from "../../releases/played/stacks.ts";
import { whatRuns } from "../../releases/played/services.ts";
import { ReleaseFailed, type Result } from "../../../src/releases/result.ts";
import { errorOf } from "../../error-of.ts";

/** A canary runs where runs live: its gate is asked in tests of its own. */
const withoutCanary = (stack: string): string => stack.replace("canary: { location: small, job: canary }, ", "");

let account: PlayedAccount;
afterEach(() => account.close());

const schedule = { kind: "schedule", location: "small", name: "nightly" } as const;
const sensor = { kind: "sensor", location: "small", name: "mailbox" } as const;

/** A release of a stack on which people have turned a schedule on, and a sensor has come a way. */
async function begun(stack: string): Promise<Result> {
  account = await openAccount({ stack, loads: "small-webserver" });
  account.dagster.instigators.defined.push(schedule, sensor);
  const result = await act((who) => who.deploy(), 1);
  account.dagster.instigators.set(schedule, { status: "RUNNING" });
  account.dagster.instigators.set(sensor, { status: "RUNNING", cursor: "mail 42" });
  return result;
}

async function act<T>(work: (who: Deployer) => Promise<T>, run: number): Promise<T> {
  const result = await account.clock.run(work(deployer(account, { run })));
  await account.clock.pass(60_000);
  return result;
}

function expectState(): void {
  expect(account.dagster.instigators.stored(schedule).status).toBe("RUNNING");
  expect(account.dagster.instigators.stored(sensor)).toEqual({ status: "RUNNING", cursor: "mail 42" });
}

/** A webserver of the new image has another workspace file: its location is served by the code server. */
function servedOnceHostsAreNew(): void {
  account.runtime.script(
    ({ definition }) => {
      const isNew = (definition.containerDefinitions ?? []).some(({ image = "" }) => image.includes("small/host"));
      if (definition.family === "small-webserver") account.loaders["small"] = isNew ? "small-code" : "small-webserver";
      return false;
    },
    { kind: "healthy", startsAfterSeconds: 1, healthyAfterSeconds: 1 },
  );
}

test("From runs in processes to tasks of their own: one line, and schedules, sensors and cursors stay", async () => {
  await begun(inProcessStack);
  await account.commit({ "dagster-stack.yml": withoutCanary(hostsStack) });
  const { outcome, release } = await act((who) => who.deploy(), 2);
  expect(outcome).toBe("committed");
  expect(Object.keys(release.taskDefinitions)).toContain("run/small");
  expectState();
  const back = await act((who) => who.rollback("previous"), 3);
  expect(back.outcome).toBe("committed");
  expectState();
});

test("From hosts that load a location to a code server of the same name: state stays", async () => {
  const { release: first } = await begun(withoutCanary(hostsStack));
  servedOnceHostsAreNew();
  await account.commit({ "dagster-stack.yml": withoutCanary(stackFile) });
  const { outcome } = await act((who) => who.deploy(), 2);
  expect(outcome).toBe("committed");
  expect((await whatRuns(account))["code"]).not.toBeNull();
  expect(account.loaders["small"]).toBe("small-code");
  expectState();
  // The record of before has no code server: it stays, nobody is served by it, and that is said.
  const back = await act((who) => who.rollback(first.id), 3);
  expect(back.outcome).toBe("committed");
  expect(back.plan.findings.map(({ id, level }) => [id, level])).toEqual([["rollback-service-unknown", "warning"]]);
  expect(account.loaders["small"]).toBe("small-webserver");
  expectState();
});

test("A code server that does not serve its location takes the release back to the hosts that load it", async () => {
  await begun(withoutCanary(hostsStack));
  servedOnceHostsAreNew();
  const commit = await account.commit({
    "dagster-stack.yml": withoutCanary(stackFile),
    "app/main.py": "VERSION = 2\n",
  });
  account.breakCode(commit);
  const error = await act((who) => errorOf(who.deploy()), 2);
  if (!(error instanceof ReleaseFailed)) throw error;
  expect(error.result.outcome).toBe("taken-back");
  expect(account.loaders["small"]).toBe("small-webserver");
  expectState();
});
