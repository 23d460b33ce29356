import { ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { plainWire, type Wire } from "../../../releases/played/wire.ts";

const another =
  "2026-11-21 10:00:31 +0000 - dagster.daemon.SensorDaemon - ERROR - Another SENSOR daemon is still sending heartbeats. You likely have multiple daemon processes running at once.";
const traceback = ["Traceback (most recent call last):", '  File "/app/x.py", line 1', "ImportError: no y"];

let account: PlayedAccount;
afterEach(() => account.close());

/** A stack that is released once, and scans its logs. */
async function released(level: string): Promise<void> {
  account = await openAccount({
    stack: stackFile.replace("log-scan: { level: off, reason: nobody reads them here }", `log-scan: ${level}`),
  });
  expect((await deploy(1)).error).toBeNull();
}

/** From now on the tasks of a family write this when they start. */
function writes(family: string, lines: readonly string[]): void {
  account.runtime.script((task) => task.definition.family === family, {
    kind: "healthy",
    startsAfterSeconds: 1,
    healthyAfterSeconds: 1,
    log: lines.map((text) => ({ text })),
  });
}

interface Done {
  readonly result: Result;
  readonly error: Error | null;
  readonly said: string;
  /** Calls of ECS and of CloudWatch Logs after the last other gate had passed. */
  readonly calls: readonly string[];
}

async function deploy(run: number, wire: Wire = plainWire): Promise<Done> {
  const calls: string[] = [];
  const who = deployer(account, {
    run,
    wire: (call, effect) => {
      if (call.to !== "dagster" && call.to !== "s3") calls.push(call.operation);
      return wire(call, effect);
    },
  });
  const [result, error] = await account.clock.run(
    who.deploy().then(
      (done) => [done, null] as const,
      (thrown: unknown) => {
        if (thrown instanceof ReleaseFailed) return [thrown.result, thrown] as const;
        throw thrown;
      },
    ),
  );
  await account.clock.pass(60_000);
  return { result, error, said: JSON.stringify(who.progress), calls };
}

test("a quiet log is said to be so, for what has moved, in two calls at the end", async () => {
  await released("error");
  writes("small-code", ["Started Dagster code server"]);
  await account.commit(newCode);
  const { result, calls } = await deploy(2);
  const scans = result.plan.steps.filter((step) => step.kind === "gate" && step.gate === "log-scan");
  expect(scans.map(({ id }) => id)).toEqual(["gate/log-scan/code"]);
  expect(result.summary.markdown).toContain("no start-up error in 1 line of its task");
  expect(calls.slice(-2)).toEqual(["ListTasks", "GetLogEvents"]);
  expect(result.outcome).toBe("committed");
});

test.each(["error", "notice"])("a second daemon takes the release back at the level %s", async (level) => {
  await released(level);
  writes("small-daemon", [another]);
  await account.commit(newHost);
  const { result, error } = await deploy(2);
  expect(error?.message).toMatch(/^daemon hears the heartbeats of another daemon: two tick the same schedules\./);
  expect(result.outcome).toBe("taken-back");
  expect(result.summary.markdown).toContain("Another SENSOR daemon is still sending heartbeats");
  expect(await wrongWith(account)).toEqual([]);
});

test.each(["warning", "notice"])("at the level %s it is committed, and said", async (level) => {
  await released(level);
  writes("small-code", traceback);
  await account.commit(newCode);
  const { result, error, said } = await deploy(2);
  expect(error).toBeNull();
  expect(result.outcome).toBe("committed");
  expect(said).toContain('"id":"start-up-errors"');
  expect(said).toContain("ImportError: no y");
  expect(result.summary.markdown).toContain("1 start-up error in 3 lines of its task");
});

test("a log that cannot be read takes nothing back", async () => {
  await released("error");
  await account.commit(newCode);
  const { result, said } = await deploy(2); // its tasks write nothing: there is no stream
  expect(result.outcome).toBe("committed");
  expect(said).toContain("Not looked at for start-up errors: the log of code cannot be read");
});

test("with `off` nothing is looked at, and a webserver never is", async () => {
  await released("{ level: off, reason: nobody reads them here }");
  await account.commit({ ...newCode, ...newHost });
  expect((await deploy(2)).result.plan.steps.map(({ id }) => id).filter((id) => id.includes("log-scan"))).toEqual([]);
  await account.close();
  await released("error");
  await account.commit({ ...newCode, ...newHost });
  const ids = (await deploy(2)).result.plan.steps.map(({ id }) => id).filter((id) => id.includes("log-scan"));
  expect([...ids].sort()).toEqual(["gate/log-scan/code", "gate/log-scan/daemon"]);
});
