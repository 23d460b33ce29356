import type { DagsList } from "../../../../src/domain/dags-list.ts";
import { ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { errorOf } from "../../../error-of.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { dagsFiles, dagsHostsStack, twoLocationsStack } from "../../../releases/played/stacks.ts";
import type { Wire } from "../../../releases/played/wire.ts";

/** Hosts that load locations from S3 themselves: which ones they load is told them while they run. */
let account: PlayedAccount;
let first: Result;

const two = { "dagster-stack.yml": twoLocationsStack, "more/flows.py": "MORE = 1\n" };
const one = { "dagster-stack.yml": dagsHostsStack };

const key = "deploys/dags/.stacks/small/production.json";

beforeEach(async () => {
  account = await openAccount({ stack: dagsHostsStack, files: dagsFiles, loads: "small-webserver" });
  first = await run((who) => who.deploy());
});
afterEach(() => account.close());

async function run<T>(work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, options)));
  await account.clock.pass(60_000);
  return result;
}

function list(): DagsList {
  const { text = "{}" } = account.s3.objects.get(key) ?? {};
  return JSON.parse(text) as DagsList;
}

/** As somebody at the console does. */
function write(path: string, Body: string): void {
  const [Bucket = "", ...parts] = path.split("/");
  account.s3.answer("PutObject", { Bucket, Key: parts.join("/"), Body });
}

const named = (): readonly string[] => Object.keys(list().locations);
const stepsOf = ({ plan }: Result): readonly string[] => plan.steps.map(({ id }) => id);

/** Calls of the deployer that change something in ECS. */
const writes = (): number =>
  account.aws.calls.filter(({ operation, caller }) => caller === "deploy" && /^(Update|Register|Run)/.test(operation))
    .length;

/** Adds the second location. */
async function added(options: DeployerOptions = { run: 2 }): Promise<Result> {
  await account.commit(two);
  return run((who) => who.deploy(), options);
}

test("a first release writes the list before the hosts start, which are told where it is", () => {
  expect(first.outcome).toBe("committed");
  expect(named()).toEqual(["small"]);
  expect(list()).toMatchObject({
    left: {},
    previous: null,
    locations: { small: { prefix: "dags/small/", module: "flows" } },
  });
  const steps = stepsOf(first);
  expect(steps.indexOf("switch/small")).toBeLessThan(steps.indexOf("list"));
  expect(steps.indexOf("list")).toBeLessThan(steps.indexOf("roll/webserver"));
  expect(first.release.dags["small"]?.listed).toEqual({ module: "flows", pollSeconds: 60 });
});

test("a location comes without a restart: its code is there before the list names it, and it is asked for", async () => {
  const before = writes();
  const result = await added();
  expect(result.outcome).toBe("committed");
  expect(stepsOf(result)).toEqual(["switch/more", "list", "gate/version/more"]);
  expect([named(), writes()]).toEqual([["more", "small"], before]);
  expect(await wrongWith(account)).toEqual([]);
  const again = await run((who) => who.deploy(), { run: 3 });
  expect(stepsOf(again)).toEqual([]);
});

test("a plan says who comes and goes, and that nobody is restarted for it", async () => {
  await account.commit(two);
  const { plan } = await run((who) => who.plan(), { run: 2 });
  expect(plan.steps.find(({ id }) => id === "list")).toMatchObject({ added: ["more"], changed: [], removed: [] });
  expect(named()).toEqual(["small"]);
});

test("a location goes without a restart, and runs that wait still find where its code is", async () => {
  await added();
  const before = writes();
  await account.commit(one);
  const result = await run((who) => who.deploy(), { run: 3 });
  expect([result.outcome, stepsOf(result), named(), writes()]).toEqual(["committed", ["list"], ["small"], before]);
  expect(list().left).toMatchObject({ more: { prefix: "dags/more/", module: "flows" } });
  expect(result.release.dags).not.toHaveProperty("more");
  expect(await wrongWith(account)).toEqual([]);
});

test("a rollback brings the locations of its release back, and so does one forward again", async () => {
  const second = await added();
  const before = writes();
  const back = await run((who) => who.rollback("previous"), { run: 3 });
  expect([back.outcome, named()]).toEqual(["committed", ["small"]]);
  const forward = await run((who) => who.rollback(second.release.id), { run: 4 });
  expect([forward.outcome, named(), writes()]).toEqual(["committed", ["more", "small"], before]);
  expect(await wrongWith(account)).toEqual([]);
});

test("a location that cannot be loaded leaves the list again, and the release says so", async () => {
  await account.commit(two);
  const { release } = await run((who) => who.plan(), { run: 90 });
  account.dagster.brokenVersions.add(release.dags["more"]?.version ?? "");
  const error = await run((who) => errorOf(who.deploy()), { run: 2 });
  expect(error).toBeInstanceOf(ReleaseFailed);
  expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
  expect((error as ReleaseFailed).message).toContain("they are to load small");
  expect(named()).toEqual(["small"]);
  expect(await wrongWith(account)).toEqual([]);
});

test("who loses the race for the list changes nothing, and what somebody else has written stays", async () => {
  await account.commit(two);
  const wire: Wire = (call, effect) => {
    if (call.operation === "PutObject" && call.about.includes(".stacks/")) {
      const { text } = account.s3.objects.get(key) ?? { text: "" };
      const others = { ...(JSON.parse(text) as DagsList), version: "f".repeat(40) };
      write(key, JSON.stringify(others));
    }
    return effect();
  };
  const error = await run((who) => errorOf(who.deploy()), { run: 2, wire });
  expect((error as Error).message).toContain("somebody else has written the list of locations");
  expect([list().version, named()]).toEqual(["f".repeat(40), ["small"]]);
});

test("what a release that was cut has written goes back when the next one, which wants something else, fails", async () => {
  await account.commit(two);
  await killedBefore(
    account,
    ({ to }) => to === "dagster" && named().length === 2,
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  expect(named()).toEqual(["more", "small"]);
  await account.clock.pass(20 * 60_000);
  const drift = (await run((who) => who.status(), { run: 3 })).drift.filter(({ kind }) => kind === "list");
  expect(drift).toMatchObject([{ what: expect.stringContaining("more, small") as string }]);
  await account.commit({ ...one, "dags/flows.py": "VERSION = 3\n" });
  const { release } = await run((who) => who.plan(), { run: 91 });
  account.dagster.brokenVersions.add(release.dags["small"]?.version ?? "");
  const error = await run((who) => errorOf(who.deploy()), { run: 4 });
  expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
  expect(named()).toEqual(["small"]);
  expect(await wrongWith(account)).toEqual([]);
});

test("a release whose record is of before there were lists gets one; should that fail, the list stays, as nobody follows it", async () => {
  for (const [path, { text }] of account.s3.objects) {
    if (path.includes("/releases/")) write(path, text.replace(/"listed":\{[^}]*\},?/g, ""));
  }
  account.s3.remove(key);
  await account.commit(two);
  const { release } = await run((who) => who.plan(), { run: 90 });
  account.dagster.brokenVersions.add(release.dags["more"]?.version ?? "");
  const error = await run((who) => errorOf(who.deploy()), { run: 2 });
  expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
  expect(named()).toEqual(["more", "small"]);
  account.dagster.brokenVersions.clear();
  const { plan, outcome } = await run((who) => who.deploy(), { run: 3 });
  expect([outcome, plan.findings.filter(({ id }) => id === "drift")]).toEqual(["committed", []]);
  const back = await run((who) => who.rollback(first.release.id), { run: 4 });
  expect([back.outcome, stepsOf(back).includes("list"), named()]).toEqual(["committed", false, ["more", "small"]]);
});

test("status says what webserver and daemon load", async () => {
  await added();
  const { list: there, drift } = await run((who) => who.status(), { run: 3 });
  expect(Object.keys(there?.value.locations ?? {})).toEqual(["more", "small"]);
  expect(drift).toEqual([]);
});

test("a list that somebody has written by other means is said, and written anew", async () => {
  const { text } = account.s3.objects.get(key) ?? { text: "" };
  const others: DagsList = { ...(JSON.parse(text) as DagsList), version: "f".repeat(40) };
  write(key, JSON.stringify(others));
  const { plan, outcome } = await run((who) => who.deploy(), { run: 2 });
  expect(plan.findings.filter(({ id }) => id === "drift")).toHaveLength(1);
  expect([outcome, list().version === "f".repeat(40)]).toEqual(["committed", false]);
});
