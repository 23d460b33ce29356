import type { Outcome } from "../../../../src/domain/journal.ts";
import type { Part } from "../../../../src/domain/plan.ts";
import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf, type ServiceKey } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { lockOf, pinned } from "../../../releases/played/upgrade.ts";
import type { OutsideCall, Wire } from "../../../releases/played/wire.ts";
import type { RuntimeTask } from "../../../local-aws/runtime.ts";

let account: PlayedAccount;
let before: Awaited<ReturnType<typeof revisionsOf>>;
beforeEach(async () => {
  account = await openAccount(pinned);
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  before = await revisionsOf(account);
  await account.commit({ "requirements.lock": lockOf("1.13.0"), "app/main.py": "VERSION = 2\n" });
});
afterEach(() => account.close());

const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
const isNew = (key: ServiceKey) => (task: RuntimeTask) =>
  task.definition.family === `small-${key}` && task.definition.revision !== before[key]?.revision;
const isMigration = ({ definition }: RuntimeTask): boolean => definition.family === "small-once-host";

function lastOutcome(): Outcome | null {
  const records = recordsOf(account);
  const id = records.begun.at(-1);
  return id === undefined ? null : records.outcome(id);
}

async function failing(act: () => Promise<Result>): Promise<Error> {
  const error = await account.clock.run(
    act().then(
      () => null,
      (thrown: unknown) => thrown,
    ),
  );
  await account.clock.pass(60_000);
  if (!(error instanceof Error)) throw new Error("it went well");
  return error;
}

test("an upgrade stops the hosts, migrates, brings them up on the new version, and then rolls code", async () => {
  /** What each service is to run when a task is started: the two migrations. */
  const seen: (typeof before)[] = [];
  const wire: Wire = async (call, effect) => {
    if (call.operation === "RunTask") seen.push(await revisionsOf(account));
    return effect();
  };
  const { steps } = await account.clock.run(deployer(account, { run: 2, wire }).deploy());
  await account.clock.pass(60_000);

  const done = steps.map(({ step }) => step.id).filter((id) => /^(stop|migrate|roll|gate)/.test(id));
  expect(done).toEqual([
    "migrate/application",
    "stop/daemon",
    "stop/webserver",
    "migrate/instance",
    "roll/daemon",
    "roll/webserver",
    "gate/webserver/webserver",
    "gate/daemon/daemon",
    "roll/code",
    "gate/location/small",
    "gate/state/small",
    "gate/canary/small",
  ]);
  expect(seen).toEqual([before, { ...before, daemon: null, webserver: null }]);
  expect(await wrongWith(account)).toEqual([]);
});

test.each<[string, () => void, RegExp, readonly ServiceKey[]]>([
  [
    "the migration of Dagster fails",
    () => account.runtime.script(isMigration, { kind: "exits", ...quick, code: 1, afterSeconds: 1 }),
    /^Migration instance ended with exit code 1/,
    ["daemon", "webserver"],
  ],
  [
    "the new daemon does not start",
    () => account.runtime.script(isNew("daemon"), { kind: "never-starts", reason: "CannotPullContainerError" }),
    /^Tasks of small-daemon:\d+ failed/,
    ["webserver", "daemon"],
  ],
  [
    "the new webserver does not start",
    () => account.runtime.script(isNew("webserver"), { kind: "never-starts", reason: "CannotPullContainerError" }),
    /^Tasks of small-webserver:\d+ failed/,
    ["daemon", "webserver"],
  ],
  [
    "the canary fails",
    () =>
      account.runtime.script(({ definition }) => definition.family === "small-run-small", {
        kind: "exits",
        ...quick,
        code: 1,
        afterSeconds: 1,
      }),
    /^The canary, job canary, ended with FAILURE/,
    ["daemon", "webserver", "code"],
  ],
])("%s: all that moved is taken back, in reverse, with its count, and asked", async (_, given, says, moved) => {
  given();
  const who = deployer(account, { run: 2 });
  const error = await failing(() => who.deploy());
  expect(error.message).toMatch(says);
  expect(error.message).toContain(`Taken back: ${moved.toReversed().join(", ")}.`);
  expect(lastOutcome()).toMatchObject({ outcome: "taken-back" });
  expect(lastOutcome()?.services.map(({ service, takenBack }) => [service, takenBack])).toEqual(
    moved.map((service) => [service, true]),
  );
  expect(await revisionsOf(account)).toEqual(before);
  expect(await wrongWith(account)).toEqual([]);
});

describe("the actions one by one", () => {
  const part = async (parts: readonly Part[], release: Result["release"] | null, wire?: Wire): Promise<Result> =>
    deployer(account, { run: 2, ...(wire === undefined ? {} : { wire }) }).deploy({ parts, release });

  test("make an upgrade, too", async () => {
    let release: Result["release"] | null = null;
    for (const parts of [["images"], ["migrations"], ["definitions"], ["rollout"]] as const)
      ({ release } = await account.clock.run(part(parts, release)));
    await account.clock.pass(60_000);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("what an earlier action has stopped is brought back when a later one fails", async () => {
    let release: Result["release"] | null = null;
    for (const parts of [["images"], ["migrations"]] as const)
      ({ release } = await account.clock.run(part(parts, release)));
    expect(await revisionsOf(account)).toMatchObject({ daemon: null, webserver: null });
    const denied: Wire = ({ operation }: OutsideCall, effect) =>
      operation === "RegisterTaskDefinition" ? Promise.reject(new Error("no more definitions")) : effect();
    const error = await failing(() => part(["definitions"], release, denied));
    expect(error.message).toContain("Taken back: webserver, daemon.");
    expect(await revisionsOf(account)).toEqual(before);
    expect(await wrongWith(account)).toEqual([]);
  });
});

test("the next commit goes on from an upgrade whose job was killed while nothing ran, and has the old version again", async () => {
  const killed = new Promise<never>(() => undefined);
  const wire: Wire = (call, effect) => (call.operation === "RunTask" && stops(account) === 2 ? killed : effect());
  const gone = account.clock.run(
    Promise.race([
      deployer(account, { run: 2, wire }).deploy(),
      new Promise((resolve) => void account.clock.bed.after(10 * 60_000, () => resolve("gone"))),
    ]),
  );
  expect(await gone).toBe("gone");
  expect(await revisionsOf(account)).toMatchObject({ daemon: null, webserver: null });
  await account.clock.pass(20 * 60_000);
  await account.commit({ "requirements.lock": lockOf("1.12.9"), "app/main.py": "VERSION = 3\n" });
  await account.clock.run(deployer(account, { run: 3, isOver: () => Promise.resolve("over") }).deploy());
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
});

/** Services that were told to run nothing. */
function stops({ aws }: PlayedAccount): number {
  return aws.calls.filter(
    ({ operation, input }) =>
      operation === "UpdateService" && (input as { readonly desiredCount?: number }).desiredCount === 0,
  ).length;
}
