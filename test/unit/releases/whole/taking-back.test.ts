import type { Outcome } from "../../../../src/domain/journal.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { reset } from "../../../releases/played/refusal.ts";
import { endsByItself, mend, newCode, type Situation, situation } from "../../../releases/played/situations.ts";
import { type OutsideCall, plainWire, type Wire } from "../../../releases/played/wire.ts";

let there: Situation;
beforeEach(async () => {
  there = await situation("a change of the host");
});
afterEach(() => there.account.close());

/** Runs end badly from now on, so that a release fails when everything has moved. */
function failCanary(): void {
  there.account.runtime.script((task) => endsByItself(task) && task.definition.family === "small-run-small", {
    kind: "exits",
    code: 1,
    startsAfterSeconds: 1,
    healthyAfterSeconds: 1,
    afterSeconds: 1,
  });
}

/** @returns how it failed, and what Dagster was asked after the canary was launched */
async function failing(wire: Wire = plainWire): Promise<{
  readonly message: string;
  readonly outcome: Outcome | null;
  readonly asked: ReadonlySet<string>;
}> {
  const { account } = there;
  const asked = new Set<string>();
  let launched = false;
  const who = deployer(account, {
    run: 2,
    wire: (call, effect) => {
      if (launched && call.to === "dagster") asked.add(call.operation);
      launched ||= call.operation === "LaunchRun";
      return wire(call, effect);
    },
  });
  const message = await account.clock.run(
    who.deploy().then(
      () => "it went well",
      (error: unknown) => String(error),
    ),
  );
  await account.clock.pass(60_000);
  const records = recordsOf(account);
  const id = records.begun.at(-1);
  return { message, outcome: id === undefined ? null : records.outcome(id), asked };
}

/** From the launch of the canary on. */
function afterLaunch(change: Wire): Wire {
  let launched = false;
  return (call, effect) => {
    const now = launched;
    launched ||= call.operation === "LaunchRun";
    return now ? change(call, effect) : effect();
  };
}

test("hosts that went back are asked: the webserver answers, and the daemon's heartbeats are new", async () => {
  failCanary();
  const { message, outcome, asked } = await failing();
  expect(message).toContain("Taken back: webserver, daemon.");
  expect(outcome?.outcome).toBe("taken-back");
  expect([...asked]).toEqual(expect.arrayContaining(["server_info", "DaemonHealth"]));
  expect(await revisionsOf(there.account)).toEqual(there.before);
});

const silent: Wire = async ({ operation }, effect) => {
  const answer = await effect();
  if (operation !== "DaemonHealth") return answer;
  const status = { daemonType: "SCHEDULER", required: true, healthy: true, lastHeartbeatTime: 0 };
  return { instance: { daemonHealth: { allDaemonStatuses: [status] } } } as typeof answer;
};
const deaf: Wire = ({ operation }, effect) => (operation === "server_info" ? Promise.reject(reset()) : effect());

test.each([
  ["a daemon that stays silent", silent, "daemon", /The daemon daemon runs, but after 180 s: no heartbeat yet/],
  ["a webserver that does not answer", deaf, "webserver", /The webserver does not answer after 180 s/],
])("%s is not called taken back; what failed first is still said first", async (_, wire, service, why) => {
  failCanary();
  const { message, outcome } = await failing(afterLaunch(wire));
  const [first, ...others] = message.replace(/^ReleaseFailed: /, "").split("\n");
  expect(first).toMatch(/^The canary, job canary, ended with FAILURE/);
  expect(others).toContainEqual(expect.stringMatching(RegExp(`^Not taken back: ${service}: ${why.source}`)));
  expect(outcome).toMatchObject({ outcome: "failed", cause: "canary-failed" });
  expect(outcome?.services.map((one) => [one.service, one.takenBack])).toEqual([
    ["daemon", service !== "daemon"],
    ["webserver", service !== "webserver"],
  ]);
  // It is only not known to be well: it was brought back all the same.
  expect(await revisionsOf(there.account)).toEqual(there.before);
});

test("what a killed release had moved goes back, although the next one fails before it comes to it", async () => {
  const { account, before } = there;
  let rolls = 0;
  const atSecondRoll = ({ operation }: OutsideCall): boolean => {
    rolls += operation === "UpdateService" ? 1 : 0;
    return rolls === 2;
  };
  await killedBefore(account, atSecondRoll, (wire) => deployer(account, { run: 2, wire }).deploy());
  await account.clock.pass(5 * 60_000);
  expect(await revisionsOf(account)).not.toEqual(before);

  account.breakCode(await account.commit({ ...newCode, "dagster.yaml": "telemetry: { enabled: false } # anew\n" }));
  const error = await account.clock.run(
    deployer(account, { run: 3, isOver: () => Promise.resolve("over") })
      .deploy()
      .then(
        () => null,
        (thrown: unknown) => thrown,
      ),
  );
  expect(String(error)).toMatch(/Code location small does not load[^]*Taken back: code, daemon\./);
  await account.clock.pass(60_000);
  expect(await revisionsOf(account)).toEqual(before);
  expect(await wrongWith(account)).toEqual([]);

  mend(account);
  await account.commit({ "app/main.py": "VERSION = 3\n" });
  await account.clock.run(deployer(account, { run: 4 }).deploy());
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
});
