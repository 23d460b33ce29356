import { UserError } from "../../../../src/domain/errors.ts";
import type { Sha } from "../../../../src/domain/identifiers.ts";
import { PlanRefused, ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import type { DefinedInstigator } from "../../../releases/played/played-instigators.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
afterEach(() => account.close());

const nightly = { kind: "schedule", location: "small", name: "nightly" } as const;
const watch = { kind: "sensor", location: "small", name: "watch" } as const;

interface Acted {
  readonly result: Result;
  readonly error: Error | null;
  readonly said: string;
}

const act = async (work: (who: Deployer) => Promise<Result>, options: DeployerOptions = {}): Promise<Acted> => {
  const isOver = (): Promise<"over"> => Promise.resolve("over");
  const who = deployer(account, { isOver, ...options });
  const [result, error] = await account.clock.run(
    work(who).then(
      (done) => [done, null] as const,
      (thrown: unknown) => {
        if (thrown instanceof ReleaseFailed || thrown instanceof PlanRefused) return [thrown.result, thrown] as const;
        throw thrown;
      },
    ),
  );
  await account.clock.pass(60_000);
  return { result, error, said: JSON.stringify(who.progress) };
};
const deploy = (run: number, options: DeployerOptions = {}): Promise<Acted> =>
  act((who) => who.deploy(), { run, ...options });

/** A schedule that somebody has turned on, a sensor that is off and has a cursor; on an account with one release. */
async function begin(stack = stackFile): Promise<void> {
  account = await openAccount({ stack });
  account.dagster.instigators.defined.push(nightly, watch);
  await deploy(1);
  account.dagster.instigators.set(nightly, { status: "RUNNING" });
  account.dagster.instigators.set(watch, { cursor: "7" });
}

/** The code of a commit does not have it. */
function without(one: DefinedInstigator, sha: Sha): void {
  const { defined } = account.dagster.instigators;
  defined.splice(defined.indexOf(one), 1, { ...one, in: (image) => !isOf(image, sha) });
}

/** Only the code of a commit has it. */
function onlyIn(one: DefinedInstigator, sha: Sha): void {
  account.dagster.instigators.defined.push({ ...one, in: (image) => isOf(image, sha) });
}

function isOf(image: string, sha: Sha): boolean {
  const digest = image.slice(image.indexOf("@") + 1);
  return account.registry.tagsOf("small/code", digest).includes(sha);
}

const untouched = (): void => {
  expect(account.dagster.instigators.stored(nightly)).toEqual({ status: "RUNNING", cursor: null });
  expect(account.dagster.instigators.stored(watch)).toEqual({ status: null, cursor: "7" });
};

describe("A change of code", () => {
  beforeEach(() => begin());

  test("that keeps all names keeps what people have made, and says so; the intent has noted it", async () => {
    await account.commit(newCode);
    const { result, said } = await deploy(2);
    expect(result.outcome).toBe("committed");
    expect(said).toContain("gate/state/small: 2 schedules and sensors compared");
    expect(recordsOf(account).intent(result.release.id)?.instigators).toEqual({
      small: [
        {
          kind: "schedule",
          repository: "__repository__",
          name: "nightly",
          status: "RUNNING",
          byHand: true,
          cursor: null,
        },
        {
          kind: "sensor",
          repository: "__repository__",
          name: "watch",
          status: "STOPPED",
          byHand: false,
          cursor: { hash: expect.any(String) as string, text: "7" },
        },
      ],
    });
    untouched();
  });

  test("that renames what is on is stopped with both names, and taken back with all as it was", async () => {
    const sha = await account.commit(newCode);
    without(nightly, sha);
    onlyIn({ ...nightly, name: "nightly_load" }, sha);
    const { result, error } = await deploy(2);
    expect(result.outcome).toBe("taken-back");
    expect(error?.message).toContain(
      "schedule nightly (RUNNING by hand) is gone; probably renamed: schedule nightly_load is new",
    );
    expect(error?.message).toContain("`allow-state-loss: true`");
    expect(error?.message).toContain("Schedules and sensors of small: as before");
    expect(result.summary.markdown).toContain("Schedules and sensors of small are as before.");
    untouched();
    expect(await wrongWith(account)).toEqual([]);
  });

  test("that drops a sensor with a cursor is stopped", async () => {
    without(watch, await account.commit(newCode));
    const { result, error } = await deploy(2);
    expect(result.outcome).toBe("taken-back");
    expect(error?.message).toContain("sensor watch (STOPPED, with a cursor) is gone");
  });

  test("that renames what is on goes through when the loss is meant, and says what is lost", async () => {
    const sha = await account.commit(newCode);
    without(nightly, sha);
    onlyIn({ ...nightly, name: "nightly_load" }, sha);
    const { result, said } = await deploy(2, { allowStateLoss: true });
    expect(result.outcome).toBe("committed");
    expect(said).toContain("Lost, as was allowed: schedule nightly (RUNNING by hand) is gone");
  });

  test("that drops what nobody has touched says so, and goes through", async () => {
    const idle = { kind: "schedule", location: "small", name: "idle" } as const;
    account.dagster.instigators.defined.push(idle);
    without(idle, await account.commit(newCode));
    const { result, said } = await deploy(2);
    expect(result.outcome).toBe("committed");
    expect(said).toContain("schedule idle (STOPPED) is gone");
  });

  test("that defines nothing any more is stopped, whatever it had before; unless that is meant", async () => {
    const sha = await account.commit(newCode);
    account.dagster.instigators.hasJobs = (image) => !isOf(image, sha);
    const { result, error } = await deploy(2);
    expect(result.outcome).toBe("taken-back");
    expect(error?.message).toContain("has neither a job nor an asset any more: it had 1 job");
    expect(recordsOf(account).intent(result.release.id)?.jobs).toEqual({ small: 1 });
    expect((await deploy(3, { allowStateLoss: true })).result.outcome).toBe("committed");
  });

  test("that does not load is told as that: what nobody sees is not lost", async () => {
    account.breakCode(await account.commit(newCode));
    const { result, error } = await deploy(2);
    expect(result.outcome).toBe("taken-back");
    expect(error?.message).toContain("does not load");
    expect(error?.message).not.toContain("is gone");
    expect(error?.message).toContain("Schedules and sensors of small: as before");
    untouched();
  });

  test("meanwhile somebody turns one off: it is said, and left so", async () => {
    await account.commit(newCode);
    const wire = meanwhile(() => account.dagster.instigators.set(nightly, { status: "STOPPED" }));
    const { result, said } = await deploy(2, { wire });
    expect(result.outcome).toBe("committed");
    expect(said).toContain("Not as it was noted before: schedule nightly was RUNNING by hand, and is STOPPED by hand.");
    expect(account.dagster.instigators.stored(nightly).status).toBe("STOPPED");
  });

  test("meanwhile what somebody had made of one is deleted: the release is taken back", async () => {
    await account.commit(newCode);
    const wire = meanwhile(() => account.dagster.instigators.set(nightly, { status: null }));
    const { result, error } = await deploy(2, { wire });
    expect(result.outcome).toBe("taken-back");
    expect(error?.message).toContain("what was made of it is gone");
    expect(error?.message).toContain("Schedules and sensors of small: not as before");
  });

  test("a rollback to code that had fewer is stopped as well, unless that is meant", async () => {
    const late = { kind: "schedule", location: "small", name: "late" } as const;
    const sha = await account.commit(newCode);
    onlyIn(late, sha);
    await deploy(2);
    account.dagster.instigators.set(late, { status: "RUNNING" });
    const stopped = await act((who) => who.rollback("previous"), { run: 3 });
    expect(stopped.result.outcome).toBe("taken-back");
    expect(stopped.error?.message).toContain("schedule late (RUNNING by hand) is gone");
    const meant = await act((who) => who.rollback("previous"), { run: 4, allowStateLoss: true });
    expect(meant.result.outcome).toBe("committed");
  });

  test("a release that goes on from one that was cut compares with what was before the first attempt", async () => {
    const sha = await account.commit(newCode);
    without(nightly, sha);
    await killedBefore(
      account,
      ({ operation, about }) => operation === "UpdateService" && about === "small-code",
      (wire) => deployer(account, { run: 2, wire }).deploy(),
    );
    // What it was about to lose is lost before the next one looks.
    account.dagster.instigators.set(watch, { cursor: null });
    const { result, error } = await deploy(3);
    expect(result.outcome).toBe("taken-back");
    expect(error?.message).toContain("schedule nightly (RUNNING by hand) is gone");
    expect(error?.message).toContain(
      "sensor watch was STOPPED, with a cursor, and is STOPPED: what was made of it is gone",
    );
  });

  test("a webserver that does not answer before is said, and what it had is not compared", async () => {
    await account.commit(newCode);
    let silent = true;
    const wire: Wire = (call, act) => {
      if (call.operation === "UpdateService") silent = false;
      if (silent && call.operation === "Instigators")
        return Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
      return act();
    };
    const { result, said } = await deploy(2, { wire });
    expect(result.outcome).toBe("committed");
    expect(said).toContain("state-not-noted");
    expect(said).toContain("or set `gates: { reach: task }`");
    expect(said).toContain("nothing was noted of it before: not compared");
  });

  test("a change of the hosts alone asks nobody for state: no code moves", async () => {
    await account.commit(newHost);
    const { said } = await deploy(2);
    expect(said).not.toContain("gate/state");
  });
});

describe("A location that the stack file does not have any more", () => {
  beforeEach(() => begin());
  const renamed = stackFile.replaceAll("location: small", "location: tiny");

  test("is told before anything moves, with what its name holds and the name that is new", async () => {
    await account.commit({ "dagster-stack.yml": renamed, ...newCode });
    const { error, result } = await deploy(2);
    expect(error).toBeInstanceOf(PlanRefused);
    expect(error?.message).toContain("code location small any more");
    expect(error?.message).toContain("schedule nightly, sensor watch. New is tiny.");
    expect(result.steps).toEqual([]);
    const planned = await act((who) => who.plan(), { run: 3, allowStateLoss: true });
    expect(planned.error).toBeNull();
    expect(planned.said).toContain("state-location-left");
    expect(planned.said).toContain("location-renamed");
    expect(planned.said).toContain("small goes, and tiny is new");
  });
});

describe("A stack file", () => {
  const withGates = (more: string): string =>
    stackFile.replace(
      "log-scan: { level: off, reason: nobody reads them here }",
      `log-scan: { level: off, reason: nobody reads them here }, ${more}`,
    );

  test("with `restore` puts back what has changed meanwhile, and what was deleted", async () => {
    await begin(withGates("expect: { restore: true }"));
    await account.commit(newCode);
    const wire = meanwhile(() => {
      account.dagster.instigators.set(nightly, { status: "STOPPED" });
      account.dagster.instigators.set(watch, { cursor: null });
    });
    const { result, said } = await deploy(2, { wire });
    expect(result.outcome).toBe("committed");
    expect(said).toContain("what differed was put back");
    untouched();
  });

  test("may let the gate pass with a reason, and that is said", async () => {
    await begin(withGates("levels: { state: { level: warn, reason: schedules are on their way to Airflow } }"));
    without(nightly, await account.commit(newCode));
    const { result, said } = await deploy(2);
    expect(result.outcome).toBe("committed");
    expect(said).toContain("gate-passed-over");
    expect(said).toContain("schedules are on their way to Airflow");
  });

  test("may let a location pass that does not load", async () => {
    const warn = "{ level: warn, reason: mended tomorrow }";
    await begin(withGates(`levels: { location: ${warn}, state: ${warn}, canary: ${warn} }`));
    account.breakCode(await account.commit(newCode));
    const { result, said } = await deploy(2);
    expect(result.outcome).toBe("committed");
    expect(said).toContain("mended tomorrow");
  });

  test("may let a gate pass that cannot be asked, and that is said", async () => {
    await begin(withGates("levels: { location: { level: warn, reason: a login is on its way } }"));
    await account.commit(newCode);
    const login = { what: "A login answers in front of Dagster.", fix: "Ask behind it." };
    const wire: Wire = (call, effect) =>
      call.operation === "ReloadLocation" ? Promise.reject(new UserError(login)) : effect();
    const { result, said } = await deploy(2, { wire });
    expect(result.outcome).toBe("committed");
    expect(said).toMatch(/gate-passed-over.*Gate location of small could not be asked: A login answers/s);
  });

  test("may not let a release go on whose lock is lost", async () => {
    await begin(withGates("levels: { location: { level: warn, reason: a login is on its way } }"));
    await account.commit(newCode);
    const locked = new UserError({ what: "The lock is lost.", fix: "Wait." }, { kind: "locked" });
    const wire: Wire = (call, effect) => (call.operation === "ReloadLocation" ? Promise.reject(locked) : effect());
    await expect(deploy(2, { wire })).rejects.toThrow("The lock is lost.");
  });

  test("may leave it out, which the plan says", async () => {
    await begin(
      withGates("levels: { state: { level: off, reason: nobody touches anything here } }".replace("off", '"off"')),
    );
    without(nightly, await account.commit(newCode));
    const { result } = await deploy(2);
    expect(result.outcome).toBe("committed");
    expect(result.plan.steps.map(({ id }) => id)).not.toContain("gate/state/small");
    expect(result.plan.untouched).toContainEqual({ what: "gate state", why: "off: nobody touches anything here" });
  });
});

test("Schedules that the stack file names are turned on by the release with `restore`, and stop one without it", async () => {
  const named = (restore: boolean): string =>
    stackFile.replace(
      "log-scan: { level: off, reason: nobody reads them here }",
      `log-scan: { level: off, reason: nobody reads them here }, expect: { schedules: { nightly: RUNNING }, restore: ${restore} }`,
    );
  account = await openAccount({ stack: named(false) });
  account.dagster.instigators.defined.push(nightly);
  const stopped = await deploy(1);
  expect(stopped.error?.message).toContain("schedule nightly of small is STOPPED and not RUNNING");
  expect(stopped.result.outcome).toBe("taken-back");
  await account.commit({ "dagster-stack.yml": named(true) });
  const { result } = await deploy(2);
  expect(result.outcome).toBe("committed");
  expect(result.plan.steps.map(({ id }) => id)).toContain("gate/expect/small");
  expect(account.dagster.instigators.stored(nightly).status).toBe("RUNNING");
});

test("What the stack file turns on in a location that stays is put back, when the release fails later", async () => {
  const far = { kind: "schedule", location: "apart", name: "far" } as const;
  const stack = stackFile
    .replace(
      "    code: { service: small-code, address: code.small.local, port: 4000 }",
      ["small", "apart"]
        .map((key) => `    ${key}: { service: small-${key}, address: ${key}.small.local, port: 4000 }`)
        .join("\n"),
    )
    .replace(
      "  code: { kind: code-location, image: code, location: small, module: app.main }",
      `  small: { kind: code-location, image: code, location: small, module: app.main }
  apart: { kind: code-location, image: host, location: apart, module: app.main }`,
    );
  account = await openAccount({ stack, locations: ["small", "apart"] });
  account.dagster.instigators.defined.push(far);
  await deploy(1);
  const gates =
    "log-scan: { level: off, reason: nobody reads them here }, expect: { schedules: { far: RUNNING }, restore: true }";
  await account.commit({
    "dagster-stack.yml": stack
      .replace("log-scan: { level: off, reason: nobody reads them here }", gates)
      .replace("job: canary", "job: nothing"),
    ...newCode,
  });
  const { result, error } = await deploy(2);
  expect(error?.message).toContain("has no job nothing");
  expect(result.outcome).toBe("taken-back");
  expect(account.dagster.instigators.stored(far).status).not.toBe("RUNNING");
});

test("A rollback is not kept from older code by what the stack file of today names", async () => {
  await begin();
  await account.commit(newCode);
  await deploy(2);
  const gates = "log-scan: { level: off, reason: nobody reads them here }, expect: { schedules: { late: RUNNING } }";
  await account.commit({
    "dagster-stack.yml": stackFile
      .replace("log-scan: { level: off, reason: nobody reads them here }", gates)
      .replace("job: canary", "job: nothing"),
  });
  const { result, said } = await act((who) => who.rollback("previous"), { run: 3 });
  expect(result.outcome).toBe("committed");
  expect(said).toContain("The stack file names what no code location has: schedule late.");
  expect(said).toContain("has no job nothing");
  expect(said).toContain("is older than what the stack file names");
});

/** Somebody does something while the new code is about to start. */
function meanwhile(deed: () => void): Wire {
  let isDone = false;
  return (call, act) => {
    if (!isDone && call.operation === "UpdateService") {
      isDone = true;
      deed();
    }
    return act();
  };
}

test("Schedules that are on and due more often than a daemon is away are named before it is replaced, and only then", async () => {
  await begin();
  account.dagster.instigators.defined.push(
    { kind: "schedule", location: "small", name: "often", cron: "*/2 * * * *", defaultStatus: "RUNNING" },
    { kind: "schedule", location: "small", name: "off", cron: "* * * * *" },
    { kind: "schedule", location: "small", name: "seldom", cron: "*/3 * * * *", defaultStatus: "RUNNING" },
  );
  const told = async () =>
    (await act((who) => who.plan(), { run: 2 })).result.plan.findings.filter(({ id }) => id === "ticks-passed-over");
  await account.commit(newCode);
  expect(await told()).toEqual([]);
  await account.commit(newHost);
  const named = "due more often than that: often of small (every 2 minutes). ";
  expect(await told()).toEqual([
    expect.objectContaining({ level: "notice", what: expect.stringContaining(named) as unknown }),
  ]);
});

test("How long a daemon was away when it was last replaced is what schedules are held against, also after releases that leave it alone", async () => {
  await begin();
  account.dagster.instigators.defined.push({
    kind: "schedule",
    location: "small",
    name: "every-minute",
    cron: "* * * * *",
    defaultStatus: "RUNNING",
  });
  const told = async (run: number) => {
    const { findings } = (await act((who) => who.plan(), { run })).result.plan;
    return findings.filter(({ id }) => id === "ticks-passed-over").map(({ what }) => what);
  };
  await account.commit(newHost);
  expect(await told(2)).toEqual([expect.stringContaining("for about 3 minutes, as is usual on Fargate; ")]);
  await deploy(2);
  await account.commit(newCode);
  await deploy(3);
  const { current, outcome } = recordsOf(account);
  const seconds = (current === null ? null : outcome(current.release))?.rolledIn?.["daemon"] ?? 0;
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(60); // nothing that is played takes as long as on Fargate
  await account.commit({ "dagster.yaml": "telemetry: { enabled: false }\n" });
  expect(await told(4)).toEqual([]);
});
