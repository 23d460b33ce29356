import type { Release } from "../../../../src/domain/release.ts";
import { ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { errorOf } from "../../../error-of.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { refusal } from "../../../releases/played/refusal.ts";
import { endsByItself } from "../../../releases/played/situations.ts";
import { clientOf } from "../../local-aws/stage.ts";
import { dagsFiles, dagsHostsStack, dagsStack } from "../../../releases/played/stacks.ts";

let account: PlayedAccount;
let first: Result;
afterEach(() => account.close());

async function released(stack: string, options: { readonly loads?: string } = {}): Promise<void> {
  account = await openAccount({ stack, files: dagsFiles, ...options });
  first = await run((who) => who.deploy());
}

async function run<T>(work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, options)));
  await account.clock.pass(60_000);
  return result;
}

const failing = (work: (who: Deployer) => Promise<unknown>, options: DeployerOptions = {}): Promise<unknown> =>
  run((who) => errorOf(work(who)), options);

interface Pointer {
  readonly version: string;
  readonly previous: string | null;
}

const pointerKey = "deploys/dags/small/current.json";

function pointer(): Pointer {
  const { text = "{}" } = account.s3.objects.get(pointerKey) ?? {};
  return JSON.parse(text) as Pointer;
}

const versionOf = ({ dags }: Release): string | undefined => dags["small"]?.version;
const stepsOf = ({ plan }: Result): readonly string[] => plan.steps.map(({ id }) => id);

/** Calls of the deployer that change something in ECS. */
const writes = (): number =>
  account.aws.calls.filter(({ operation, caller }) => caller === "deploy" && /^(Update|Register|Run)/.test(operation))
    .length;

const newDags = { "dags/flows.py": "VERSION = 2\n", "dags/more.py": "MORE = True\n" };

const thirdDags = { "dags/flows.py": "VERSION = 3\n" };

/** Somebody releases the second version, and is gone once readers are to have it. @returns that version */
async function cutAfterSwitch(): Promise<string> {
  await account.commit(newDags);
  const before = pointer().version;
  await killedBefore(
    account,
    ({ to }) => to === "dagster" && pointer().version !== before,
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  expect(pointer().version).not.toBe(before);
  return pointer().version;
}

const leaseIsOver = (): Promise<void> => account.clock.pass(20 * 60_000);

/** The first write of a pointer is denied. */
function deniedSwitch(): Wire {
  let isDenied = false;
  return (call, effect) => {
    if (isDenied || call.operation !== "PutObject" || !call.about.includes("dags/small/current.json")) return effect();
    isDenied = true;
    return Promise.reject(refusal("AccessDenied", 403));
  };
}

async function breakNext(): Promise<void> {
  const { release } = await run((who) => who.plan(), { run: 90 });
  account.dagster.brokenVersions.add(versionOf(release) ?? "");
}

describe("What a release that was cut has switched goes back when the next one, which wants a third version,", () => {
  beforeEach(async () => {
    await released(dagsStack);
    await cutAfterSwitch();
    await leaseIsOver();
  });
  const isAsBefore = async (error: unknown): Promise<void> => {
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
    expect((error as ReleaseFailed).message).not.toContain("somebody else");
    expect(pointer().version).toBe(versionOf(first.release));
    expect(await wrongWith(account)).toEqual([]);
  };

  test("fails before it switches", async () => {
    await account.commit({ ...thirdDags, "app/main.py": "VERSION = 2\n" });
    const wire: Wire = (call, effect) =>
      call.operation === "RegisterTaskDefinition" ? Promise.reject(refusal("AccessDeniedException", 400)) : effect();
    await isAsBefore(await failing((who) => who.deploy(), { run: 3, wire }));
  });

  test("may not switch", async () => {
    await account.commit(thirdDags);
    await isAsBefore(await failing((who) => who.deploy(), { run: 3, wire: deniedSwitch() }));
  });

  test("switches, and cannot load it", async () => {
    await account.commit(thirdDags);
    await breakNext();
    await isAsBefore(await failing((who) => who.deploy(), { run: 3 }));
  });

  test("goes through several actions, the first of which has nothing to do", async () => {
    await account.commit(thirdDags);
    await breakNext();
    await run((who) => who.deploy({ parts: ["images"] }), { run: 3 }); // its code is looked at here, by a program of its own
    await run((who) => who.deploy({ parts: ["definitions"] }), { run: 3 });
    await isAsBefore(await failing((who) => who.deploy(), { run: 3 }));
  });
});

test("A first release whose code cannot be loaded is mended by the next: its version is switched to before the code server starts", async () => {
  account = await openAccount({ stack: dagsStack, files: dagsFiles });
  await breakNext();
  const { brokenVersions } = account.dagster;
  const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
  account.runtime.script(
    ({ definition }) => definition.family === "small-code",
    () =>
      brokenVersions.has(pointer().version)
        ? { kind: "exits", ...quick, code: 1, afterSeconds: 1 }
        : { kind: "healthy", ...quick },
  );
  const error = await failing((who) => who.deploy());
  expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
  expect(brokenVersions.has(pointer().version)).toBe(true);
  await account.commit(thirdDags);
  const { outcome, release, plan } = await run((who) => who.deploy(), { run: 2 });
  expect(plan.steps.find(({ id }) => id === "roll/code")?.after).toContain("switch/small");
  expect([outcome, pointer().version]).toEqual(["committed", versionOf(release)]);
  expect(await wrongWith(account)).toEqual([]);
});

test("Code that stands still is switched before it is started: what there is may be what keeps it from starting", async () => {
  await released(dagsStack);
  const service = { cluster: "small", service: "small-code", desiredCount: 0 };
  await account.clock.run(clientOf(account.aws, "somebody").updateService(service));
  await account.clock.pass(60_000);
  await account.commit(newDags);
  const { plan } = await run((who) => who.plan(), { run: 2 });
  expect(plan.steps.find(({ id }) => id === "roll/code")?.after).toContain("switch/small");
  expect(plan.steps.filter(({ kind }) => kind === "switch")).toHaveLength(1);
});

test("The post step of a job that was ended after the switch leaves the release open: the next goes on from it", async () => {
  await released(dagsStack);
  await cutAfterSwitch();
  const closed = await run((who) => who.close(), { run: 2 });
  expect(closed?.moved).toEqual(["DAGs of small"]);
  const outcomes = [...account.s3.objects]
    .filter(([key]) => key.endsWith(`${closed?.releases[0] ?? ""}/outcome.json`))
    .map(([, { text }]) => (JSON.parse(text) as { readonly outcome: string }).outcome);
  expect(outcomes).toEqual(["failed"]);
  await account.commit(thirdDags);
  await breakNext();
  await failing((who) => who.deploy(), { run: 3 });
  expect(pointer().version).toBe(versionOf(first.release));
  expect(await wrongWith(account)).toEqual([]);
});

test("The post step of a job that was ended before the switch closes what it has begun", async () => {
  await released(dagsStack);
  await account.commit(newDags);
  await killedBefore(
    account,
    ({ operation, about }) => operation === "PutObject" && about.includes("dags/small/current.json"),
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  const closed = await run((who) => who.close(), { run: 2 });
  expect([closed?.releases.length, closed?.moved]).toEqual([1, []]);
  expect(await wrongWith(account)).toEqual([]);
});

test("A switch that somebody else has made meanwhile, to the same version, is not taken back", async () => {
  await released(dagsStack);
  await account.commit(newDags);
  await breakNext();
  let theirs = "";
  const wire: Wire = (call, effect) => {
    const Key = "dags/small/current.json";
    if (theirs === "" && call.operation === "PutObject" && call.about.includes(Key)) {
      [theirs = ""] = account.dagster.brokenVersions;
      const Body = JSON.stringify({ ...pointer(), version: theirs, run: "https://github.example/run/7" });
      account.s3.answer("PutObject", { Bucket: "deploys", Key, Body });
    }
    return effect();
  };
  const who = deployer(account, { run: 2, wire });
  const error = await account.clock.run(errorOf(who.deploy()));
  expect(pointer().version).toBe(theirs);
  expect(JSON.stringify(who.progress)).toContain("somebody else has let readers have version");
  expect((error as ReleaseFailed).message).toContain("somebody else has switched it to version");
  expect((error as ReleaseFailed).result.outcome).toBe("failed");
});

describe("Runs that wait keep the version with which they were made:", () => {
  const statuses = (): readonly string[] => account.dagster.queued.map(({ status }) => status);
  const queue = async (): Promise<void> => {
    account.dagster.queue("small", "hourly");
    await account.clock.pass(1000);
  };

  test.each([
    ["tasks", dagsStack, {}],
    ["processes", dagsHostsStack, { loads: "small-webserver" }],
  ])("those of a version that a rollback leaves are ended, where runs live in %s", async (_where, stack, options) => {
    await released(stack, options);
    await queue();
    await account.commit(newDags);
    await run((who) => who.deploy(), { run: 2 });
    await queue();
    await run((who) => who.rollback("previous"), { run: 3, queuedRuns: "cancel" });
    expect(statuses()).toEqual(["QUEUED", "CANCELED"]);
  });

  test("those of a version that was cut are ended by a rollback", async () => {
    await released(dagsStack);
    await queue();
    await cutAfterSwitch();
    await account.clock.pass(1000);
    await queue();
    await leaseIsOver();
    await run((who) => who.rollback(first.release.id), { run: 3, queuedRuns: "cancel" });
    expect(pointer().version).toBe(versionOf(first.release));
    expect(statuses()).toEqual(["QUEUED", "CANCELED"]);
  });

  test("those of a version that is taken back are ended, and schedules and sensors are looked at", async () => {
    await released(dagsStack);
    await queue();
    const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
    account.runtime.script(endsByItself, { kind: "exits", ...quick, code: 1, afterSeconds: 1 });
    await account.commit(newDags);
    const wire: Wire = (call, effect) => {
      if (call.operation === "LaunchRun") account.dagster.queue("small", "hourly");
      return effect();
    };
    const error = await failing((who) => who.deploy(), { run: 2, wire, queuedRuns: "cancel" });
    expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
    expect((error as ReleaseFailed).message).toContain("Schedules and sensors of small: as before");
    expect(statuses()).toEqual(["QUEUED", "CANCELED"]);
  });
});

describe("A location whose code lies in S3, behind a code server", () => {
  beforeEach(() => released(dagsStack));

  test("is switched to before its code server is started for the first time, and the record names the version", async () => {
    const ids = stepsOf(first);
    expect(ids).toEqual(expect.arrayContaining(["switch/small", "roll/code", "gate/version/small"]));
    const roll = first.plan.steps.find(({ id }) => id === "roll/code");
    expect(roll?.after).toContain("switch/small");
    expect(first.outcome).toBe("committed");
    expect(versionOf(first.release)).toBe(pointer().version);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("changes by what changes in its folder alone: no image, no definition, no service", async () => {
    const before = writes();
    await account.commit(newDags);
    const { plan, release, outcome } = await run((who) => who.deploy(), { run: 2 });
    expect(plan.steps.map(({ id }) => id)).toEqual([
      "switch/small",
      "gate/version/small",
      "gate/state/small/dags",
      "gate/canary/small",
    ]);
    expect(outcome).toBe("committed");
    expect(pointer()).toMatchObject({ version: versionOf(release), previous: versionOf(first.release) });
    // The canary is a run, which Dagster starts.
    expect(writes()).toBe(before);
  });

  test("with nothing new there is nothing to do", async () => {
    const before = account.s3.objects.get(pointerKey);
    const { plan, outcome } = await run((who) => who.deploy(), { run: 2 });
    expect([plan.steps, outcome]).toEqual([[], null]);
    expect(account.s3.objects.get(pointerKey)).toBe(before);
  });

  test("a plan says which files come, change and go, and writes nothing", async () => {
    const before = account.s3.objects.size;
    await account.commit(newDags);
    const { summary, preview } = await run((who) => who.plan(), { run: 2 });
    for (const { markdown = "" } of [summary, preview ?? {}]) {
      expect(markdown).toContain("DAGs of small: 1 added, 1 changed, 0 removed");
      expect(markdown).toContain("+ more.py");
      expect(markdown).toContain("! flows.py");
    }
    expect(account.s3.objects.size).toBe(before);
  });

  test("code that cannot be loaded is taken back: readers get what they had, and nothing else was touched", async () => {
    await account.commit(newDags);
    const { release } = await run((who) => who.plan(), { run: 2 });
    account.dagster.brokenVersions.add(versionOf(release) ?? "");
    const before = writes();
    const error = await failing((who) => who.deploy(), { run: 2 });
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect((error as ReleaseFailed).message).toContain(
      `has not loaded version ${versionOf(release)?.slice(0, 12) ?? ""}`,
    );
    expect((error as ReleaseFailed).message).toContain("Readers of small were taken back");
    expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
    expect(pointer().version).toBe(versionOf(first.release));
    expect(writes()).toBe(before);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("a rollback switches back to the version that the record names, and does nothing else", async () => {
    await account.commit(newDags);
    await run((who) => who.deploy(), { run: 2 });
    const back = await run((who) => who.rollback("previous"), { run: 3 });
    expect(stepsOf(back)).toEqual(["switch/small", "gate/version/small", "gate/state/small/dags", "gate/canary/small"]);
    expect(back.outcome).toBe("committed");
    expect(pointer().version).toBe(versionOf(first.release));
    expect(versionOf(back.release)).toBe(versionOf(first.release));
  });

  test.each(["archives/", "versions/"])(
    "a rollback to a version whose object below %s is gone is refused by its name",
    async (folder) => {
      await account.commit(thirdDags);
      const second = await run((who) => who.deploy(), { run: 2 });
      const version = versionOf(first.release) ?? "";
      const others = new Set([...account.s3.objects.keys()].filter((key) => key.includes(folder)));
      const { text = "" } = account.s3.objects.get(`deploys/dags/small/versions/${version}.json`) ?? {};
      const { archive } = JSON.parse(text) as { readonly archive: { readonly digest: string } };
      const gone = [...others].find(
        (key) => key.includes(version) || key.includes(archive.digest.slice("sha256:".length)),
      );
      account.s3.remove(gone ?? "");
      const error = await failing((who) => who.rollback("previous"), { run: 3 });
      expect(String(error)).toContain(version);
      expect(pointer().version).toBe(versionOf(second.release));
      // As the finding says.
      await account.commit({ "dags/flows.py": dagsFiles["dags/flows.py"] ?? "" });
      await run((who) => who.deploy(), { run: 4 });
      expect(account.s3.objects.has(gone ?? "")).toBe(true);
      expect(pointer().version).toBe(version);
    },
  );

  test("a pointer that somebody has moved between plan and switch stays, and he is named", async () => {
    await account.commit(newDags);
    const { release } = await run((who) => who.plan(), { run: 2 });
    const other = { schema: 1, version: "f".repeat(40), previous: pointer().version };
    const source = { repository: "owner/other", sha: "e".repeat(40) };
    const theirs = { ...other, source, run: "https://github.example/run/7", at: "2026-11-21T09:00:00.000Z" };
    const wire: Wire = (call, effect) => {
      const Key = "dags/small/current.json";
      if (call.operation === "PutObject" && call.about.includes(Key))
        account.s3.answer("PutObject", { Bucket: "deploys", Key, Body: JSON.stringify(theirs) });
      return effect();
    };
    const error = await failing((who) => who.deploy(), { run: 2, wire });
    expect(String(error)).toContain(theirs.run);
    expect(String(error)).toContain("somebody else has switched to version");
    expect(pointer().version).toBe(other.version);
    expect(versionOf(release)).not.toBe(other.version);
  });

  test("an edit of the image and of the code together rolls first, and switches then", async () => {
    await account.commit({ ...newDags, "app/main.py": "VERSION = 2\n" });
    const { plan, outcome } = await run((who) => who.deploy(), { run: 2 });
    const after = plan.steps.find(({ id }) => id === "switch/small")?.after ?? [];
    expect(after).toEqual(expect.arrayContaining(["roll/code", "gate/location/small"]));
    expect(outcome).toBe("committed");
  });

  test("what sync-dags has switched beside the stack is said, and switched to what is checked out", async () => {
    await account.commit(newDags);
    await run((who) => who.deploy(), { run: 2 });
    const value = pointer();
    const back = { ...value, version: versionOf(first.release), previous: value.version };
    account.s3.answer("PutObject", { Bucket: "deploys", Key: "dags/small/current.json", Body: JSON.stringify(back) });
    const { plan, outcome } = await run((who) => who.deploy(), { run: 3 });
    expect(plan.findings.filter(({ id }) => id === "drift").map(({ what }) => what)).toEqual([
      expect.stringContaining("readers of small have version"),
    ]);
    expect([outcome, pointer().version]).toEqual(["committed", value.version]);
  });

  test("code that is newer than what is checked out is not gone back from by a deploy", async () => {
    const newer = await account.commit(newDags);
    await run((who) => who.deploy(), { run: 2 });
    await run((who) => who.rollback("previous"), { run: 3 });
    const { version } = (await run((who) => who.plan(), { run: 4 })).release.dags["small"] ?? {};
    const beside = { ...pointer(), version, source: { repository: "owner/small", sha: newer }, run: null };
    account.s3.answer("PutObject", { Bucket: "deploys", Key: "dags/small/current.json", Body: JSON.stringify(beside) });
    await account.checkOut(first.release.source.sha);
    const error = await failing((who) => who.deploy(), { run: 5 });
    expect(String(error)).toContain(`does not contain ${newer}`);
    expect(pointer().version).toBe(version);
    const { release } = await run((who) => who.deploy(), { run: 6, allowDivergent: true });
    expect(pointer().version).toBe(versionOf(release));
    expect(versionOf(release)).not.toBe(version);
  });
});

describe("Webserver and daemon that load code from S3 themselves", () => {
  beforeEach(() => released(dagsHostsStack, { loads: "small-webserver" }));

  test("start once a first version is there, and follow the next ones without being touched", async () => {
    expect(first.outcome).toBe("committed");
    const before = writes();
    await account.commit(newDags);
    const { outcome, release } = await run((who) => who.deploy(), { run: 2 });
    expect([outcome, pointer().version]).toEqual(["committed", versionOf(release)]);
    expect(writes()).toBe(before);
  });
});
