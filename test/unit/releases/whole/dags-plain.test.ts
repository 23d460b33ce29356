import { hash } from "node:crypto";
import { ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { errorOf } from "../../../error-of.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { refusal } from "../../../releases/played/refusal.ts";
import { dagsFiles, dagsStack } from "../../../releases/played/stacks.ts";
import type { Wire } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
let first: Result;
afterEach(() => account.close());

const plain = "deploys/plain/small/";

const stackWith = (layout: "both" | "mirror" | "versioned", prefix = "plain/small/"): string =>
  dagsStack.replace("module: flows }", `module: flows, layout: ${layout}, mirror-prefix: ${prefix} }`);

async function released(layout: "both" | "mirror"): Promise<void> {
  account = await openAccount({ stack: stackWith(layout), files: dagsFiles });
  first = await run((who) => who.deploy());
}
async function run<T>(work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, options)));
  await account.clock.pass(60_000);
  return result;
}

/** What readers copy, by path. */
const files = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...account.s3.objects].flatMap(([key, { text }]) =>
      key.startsWith(plain) && !key.endsWith(".mirror.json") ? [[key.slice(plain.length), text]] : [],
    ),
  );
const record = () => {
  const { text = "{}" } = account.s3.objects.get(`${plain}.mirror.json`) ?? {};
  return JSON.parse(text) as { readonly version: string; readonly writing: object | null };
};
const isPlainWrite = ({ operation, about }: Parameters<Wire>[0]): boolean =>
  (operation === "PutObject" || operation === "DeleteObject") && /plain\/small\/[^.]/.test(about);
const denied: Wire = (call, effect) =>
  isPlainWrite(call) && call.about.includes("flows.py") ? Promise.reject(refusal("AccessDenied", 403)) : effect();

const firstFiles = { "flows.py": "VERSION = 1\n", "words.txt": "one\n" };
const next = { "dags/flows.py": "VERSION = 2\n", "dags/more.py": "MORE = True\n" };
const nextFiles = { ...firstFiles, "flows.py": "VERSION = 2\n", "more.py": "MORE = True\n" };

describe("With `layout: both` a release of the stack", () => {
  beforeEach(() => released("both"));

  test("writes plain files last, once the version is loaded and all is asked", async () => {
    expect(first.plan.steps.at(-1)?.id).toBe("mirror/small");
    expect(files()).toEqual(firstFiles);
    expect(record()).toMatchObject({ version: first.release.dags["small"]?.version, writing: null });
    await account.commit(next);
    const { plan, outcome } = await run((who) => who.deploy(), { run: 2 });
    expect(plan.steps.map(({ id }) => id)).toEqual([
      "switch/small",
      "gate/version/small",
      "gate/state/small/dags",
      "gate/canary/small",
      "mirror/small",
    ]);
    expect([outcome, files()]).toEqual(["committed", nextFiles]);
    const again = await run((who) => who.deploy(), { run: 3 });
    expect(again.plan.steps).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("brings them back with a rollback, and removes what came with the version that is left", async () => {
    await account.commit(next);
    await run((who) => who.deploy(), { run: 2 });
    await run((who) => who.rollback("previous"), { run: 3 });
    expect(files()).toEqual(firstFiles);
    expect(record().version).toBe(first.release.dags["small"]?.version);
  });

  test("leaves them alone when the version cannot be loaded", async () => {
    await account.commit(next);
    const { release } = await run((who) => who.plan(), { run: 2 });
    account.dagster.brokenVersions.add(release.dags["small"]?.version ?? "");
    expect(await run((who) => errorOf(who.deploy()), { run: 2 })).toBeInstanceOf(ReleaseFailed);
    expect(files()).toEqual(firstFiles);
  });

  test("that cannot write them to the end goes back to what they were, and says so when it cannot", async () => {
    await account.commit(next);
    const once: { isDenied: boolean } = { isDenied: false };
    const wire: Wire = (call, effect) => {
      if (once.isDenied || !isPlainWrite(call) || !call.about.includes("flows.py")) return effect();
      once.isDenied = true;
      return Promise.reject(refusal("AccessDenied", 403));
    };
    const error = await run((who) => errorOf(who.deploy()), { run: 2, wire });
    expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
    expect([files(), record().version]).toEqual([firstFiles, first.release.dags["small"]?.version]);
    const worse = await run((who) => errorOf(who.deploy()), { run: 3, wire: denied });
    expect((worse as ReleaseFailed).result.outcome).toBe("failed");
    expect((worse as ReleaseFailed).message).toContain("its plain files could not be brought back");
  });

  test("that fails takes back what one before it has written, which was cut before it was committed", async () => {
    await account.commit(next);
    await killedBefore(
      account,
      ({ operation, about }) => operation === "PutObject" && about.endsWith("/outcome.json"),
      (wire) => deployer(account, { run: 2, wire }).deploy(),
    );
    expect([files(), record().writing]).toEqual([nextFiles, null]);
    await account.clock.pass(20 * 60_000);
    await account.commit({ "dags/flows.py": "VERSION = 3\n" });
    const { release } = await run((who) => who.plan(), { run: 3 });
    account.dagster.brokenVersions.add(release.dags["small"]?.version ?? "");
    const error = await run((who) => errorOf(who.deploy()), { run: 3 });
    expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
    expect([files(), record().version]).toEqual([firstFiles, first.release.dags["small"]?.version]);
  });

  test("that is cut between them is gone on from by the next", async () => {
    await account.commit(next);
    await killedBefore(
      account,
      (call) => isPlainWrite(call) && call.about.includes("flows.py"),
      (wire) => deployer(account, { run: 2, wire }).deploy(),
    );
    expect(record().writing).not.toBeNull();
    await account.clock.pass(20 * 60_000);
    const { outcome } = await run((who) => who.deploy(), { run: 3 });
    expect([outcome, files()]).toEqual(["committed", nextFiles]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("of a part finishes what one that was cut has left half written, although it is about something else", async () => {
    await account.commit(next);
    await killedBefore(
      account,
      (call) => isPlainWrite(call) && call.about.includes("flows.py"),
      (wire) => deployer(account, { run: 2, wire }).deploy(),
    );
    await account.clock.pass(20 * 60_000);
    const { outcome } = await run((who) => who.deploy(), { run: 3, wishes: { only: ["host"] } });
    expect([outcome, files(), record().writing]).toEqual(["committed", firstFiles, null]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("is stopped by its plan where somebody else's files lie", async () => {
    account.s3.remove(`${plain}.mirror.json`);
    await account.commit(next);
    const error = await run((who) => errorOf(who.deploy()), { run: 2 });
    expect(String(error)).toContain("no mirror of ours has put there");
    expect(files()).toEqual(firstFiles);
  });
});

test("A first release that fails leaves plain files alone that somebody else has put there, and that are whole", async () => {
  account = await openAccount({ stack: stackWith("both"), files: dagsFiles });
  const theirs = { path: "theirs.py", text: "THEIRS = True\n" };
  const file = { mode: "0644", size: theirs.text.length, sha256: hash("sha256", theirs.text, "hex") };
  const source = { repository: "owner/shop", sha: "e".repeat(40) };
  const at = "2026-11-20T00:00:00.000Z";
  const whole = {
    schema: 1,
    location: "small",
    version: "a".repeat(40),
    files: { [theirs.path]: file },
    writing: null,
  };
  const Body = JSON.stringify({ ...whole, lock: null, source, run: null, at });
  account.s3.answer("PutObject", { Bucket: "deploys", Key: "plain/small/.mirror.json", Body });
  account.s3.answer("PutObject", { Bucket: "deploys", Key: `plain/small/${theirs.path}`, Body: theirs.text });
  const { release } = await run((who) => who.plan());
  account.dagster.brokenVersions.add(release.dags["small"]?.version ?? "");
  expect(await run((who) => errorOf(who.deploy()))).toBeInstanceOf(ReleaseFailed);
  expect(files()).toEqual({ [theirs.path]: theirs.text });
  expect(record().version).toBe(whole.version);
});

test("With `layout: mirror` a release that fails is taken back, although no reader tells which version is loaded", async () => {
  await released("mirror");
  await account.commit(next);
  const once: { isDenied: boolean } = { isDenied: false };
  const wire: Wire = (call, effect) => {
    if (once.isDenied || !isPlainWrite(call) || !call.about.includes("flows.py")) return effect();
    once.isDenied = true;
    return Promise.reject(refusal("AccessDenied", 403));
  };
  const error = await run((who) => errorOf(who.deploy()), { run: 2, wire });
  expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
  expect([files(), record().version]).toEqual([firstFiles, first.release.dags["small"]?.version]);
});

test("With `layout: mirror` the processes get no reader, nobody is asked for the version, and going back brings the files back", async () => {
  await released("mirror");
  const ids = first.plan.steps.map(({ id }) => id);
  expect(ids).toContain("mirror/small");
  expect(ids).not.toContain("gate/version/small");
  const registered = account.aws.calls.filter(({ operation }) => operation === "RegisterTaskDefinition");
  expect(registered.length).toBeGreaterThan(0);
  expect(JSON.stringify(registered.map(({ input }) => input))).not.toContain("dag_reader");
  expect(files()).toEqual(firstFiles);
  await account.commit(next);
  await run((who) => who.deploy(), { run: 2 });
  expect(files()).toEqual(nextFiles);
  await run((who) => who.rollback("previous"), { run: 3 });
  expect(files()).toEqual(firstFiles);
});

describe("A rollback across a change of layout", () => {
  const ids = ({ plan }: Result): readonly string[] => plan.steps.map(({ id }) => id);
  const below = (prefix: string): readonly string[] =>
    [...account.s3.objects.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : [])).sort();
  const recordAnd = (texts: Readonly<Record<string, string>>): readonly string[] => [
    ".mirror.json",
    ...Object.keys(texts).sort(),
  ];
  const changed = (stack: string) => account.commit({ "dagster-stack.yml": stack, ...next });

  test("brings plain files back for processes that copied them then, and asks no reader", async () => {
    await released("mirror");
    await account.commit(next);
    await run((who) => who.deploy(), { run: 2 });
    await account.commit({ "dagster-stack.yml": stackWith("versioned"), "dags/flows.py": "VERSION = 3\n" });
    const versioned = await run((who) => who.deploy(), { run: 3 });
    expect(ids(versioned)).toContain("gate/version/small");
    expect(ids(versioned)).not.toContain("mirror/small");
    expect(files()).toEqual(nextFiles);
    const back = await run((who) => who.rollback(first.release.id), { run: 4 });
    expect(ids(back)).toContain("mirror/small");
    expect(ids(back)).not.toContain("gate/version/small");
    expect([back.outcome, files()]).toEqual(["committed", firstFiles]);
    expect(back.release.dags["small"]).toEqual(first.release.dags["small"]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("asks readers which version they have loaded, where they are to run again", async () => {
    account = await openAccount({ stack: stackWith("versioned"), files: dagsFiles });
    first = await run((who) => who.deploy());
    await changed(stackWith("mirror"));
    const mirror = await run((who) => who.deploy(), { run: 2 });
    expect(ids(mirror)).not.toContain("gate/version/small");
    const back = await run((who) => who.rollback("previous"), { run: 3 });
    expect(ids(back)).toContain("gate/version/small");
    // Whoever copies plain files today has what readers have.
    expect([back.outcome, files()]).toEqual(["committed", firstFiles]);
    expect(back.release.dags["small"]).toMatchObject({ layout: "versioned" });
  });

  test("brings them back where they lay then, and where they lie today", async () => {
    await released("both");
    await account.commit(next);
    await run((who) => who.deploy(), { run: 2 });
    await account.commit({ "dagster-stack.yml": stackWith("both", "plain/other/"), "dags/flows.py": "VERSION = 3\n" });
    await run((who) => who.deploy(), { run: 3 });
    expect([files(), below("deploys/plain/other/")]).toEqual([nextFiles, recordAnd(nextFiles)]);
    const back = await run((who) => who.rollback(first.release.id), { run: 4 });
    const mirrors = ids(back).filter((id) => id.startsWith("mirror/"));
    expect(mirrors).toEqual(["mirror/small", "mirror/small/plain/small"]);
    expect([files(), below("deploys/plain/other/")]).toEqual([firstFiles, recordAnd(firstFiles)]);
  });

  test("goes by the stack file of today where the record is of before, and does not say", async () => {
    await released("both");
    await account.commit(next);
    await run((who) => who.deploy(), { run: 2 });
    for (const [key, { text }] of account.s3.objects) {
      if (!/releases\/.*\.json$/.test(key)) continue;
      const Body = text.replaceAll(
        /,\s*"(layout|mirrorPrefix)":\s*"[^"]*"|"(layout|mirrorPrefix)":\s*"[^"]*",\s*/g,
        "",
      );
      const [Bucket = "", Key = ""] = key.split(/\/(.*)/s);
      account.s3.answer("PutObject", { Bucket, Key, Body });
    }
    const back = await run((who) => who.rollback("previous"), { run: 3 });
    expect(back.release.dags["small"]).not.toHaveProperty("layout");
    expect([back.outcome, files()]).toEqual(["committed", firstFiles]);
  });
});

test("A release that leaves `layout: mirror` and fails is taken back to processes that no reader serves", async () => {
  await released("mirror");
  await account.commit({ "dagster-stack.yml": stackWith("versioned"), ...next });
  const { release } = await run((who) => who.plan(), { run: 2 });
  account.dagster.brokenVersions.add(release.dags["small"]?.version ?? "");
  const error = await run((who) => errorOf(who.deploy()), { run: 2 });
  expect((error as ReleaseFailed).result.outcome).toBe("taken-back");
  expect(files()).toEqual(firstFiles);
});
