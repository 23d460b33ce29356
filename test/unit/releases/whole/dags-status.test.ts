import { answerOfStatus } from "../../../../src/cli/status.ts";
import { showDrift } from "../../../../src/releases/drift.ts";
import { explainStatus, type Status, wordsOfStatus } from "../../../../src/releases/status.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { refusal } from "../../../releases/played/refusal.ts";
import { dagsFiles, dagsStack } from "../../../releases/played/stacks.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount({ stack: dagsStack, files: dagsFiles });
});
afterEach(() => account.close());

const deploy = async (run: number) => {
  const result = await account.clock.run(deployer(account, { run }).deploy());
  await account.clock.pass(60_000);
  return result;
};
const look = (options: DeployerOptions = {}): Promise<Status> =>
  account.clock.run(deployer(account, { run: 99, ...options }).status());
const said = (status: Status): string => `${wordsOfStatus(status).join("\n")}\n${explainStatus(status).markdown}`;

const key = "dags/small/current.json";
interface Pointer {
  readonly version: string;
  readonly at: string;
}
const pointer = (): Pointer => JSON.parse(account.s3.objects.get(`deploys/${key}`)?.text ?? "{}") as Pointer;

const other = {
  version: "f".repeat(40),
  source: { repository: "owner/other", sha: "e".repeat(40) },
  run: "https://github.example/run/7",
};
const switchBeside = (): void => {
  const Body = JSON.stringify({ ...pointer(), ...other });
  account.s3.answer("PutObject", { Bucket: "deploys", Key: key, Body });
};

test("Before a first version status says that nothing is served of a location", async () => {
  const status = await look();
  expect(status.dags["small"]).toMatchObject({ pointer: null, unknown: null });
  expect(said(status)).toContain("DAGs of small: nothing is served");
});

test("Status says of each location which version readers have, of which commit, and since when", async () => {
  const { release } = await deploy(1);
  const status = await look();
  expect(status.drift).toEqual([]);
  const { version = "" } = release.dags["small"] ?? {};
  for (const text of [wordsOfStatus(status).join("\n"), explainStatus(status).markdown]) {
    expect(text).toContain(version.slice(0, 12));
    expect(text).toContain(release.source.sha.slice(0, 12));
    expect(text).toContain(pointer().at.slice(0, 16).replace("T", " "));
  }
});

describe("Where plain files are kept, status", () => {
  const plainKey = "plain/small/.mirror.json";
  beforeEach(async () => {
    await account.close();
    const stack = dagsStack.replace("module: flows }", "module: flows, layout: both, mirror-prefix: plain/small/ }");
    account = await openAccount({ stack, files: dagsFiles });
    await deploy(1);
  });

  test("says of which version they are", async () => {
    const status = await look();
    expect(said(status)).toContain(`; its plain files are those of version ${pointer().version.slice(0, 12)}`);
    expect(answerOfStatus(status, []).document).toMatchObject({
      dags: [{ plain: { version: pointer().version, state: "whole" } }],
    });
  });

  test("says that they are mixed while a run writes them, or when it was cut", async () => {
    await account.commit({ "dags/flows.py": "VERSION = 2\n" });
    await killedBefore(
      account,
      ({ operation, about }) => operation === "PutObject" && about.includes("plain/small/flows.py"),
      (wire) => deployer(account, { run: 2, wire }).deploy(),
    );
    const status = await look();
    expect(said(status)).toContain("its plain files are mixed");
    expect(answerOfStatus(status, []).document).toMatchObject({ dags: [{ plain: { state: "writing" } }] });
  });

  test("says that some may be another run's, where one has written too late", async () => {
    const { text = "{}" } = account.s3.objects.get(`deploys/${plainKey}`) ?? {};
    const late = { paths: ["flows.py"], run: null };
    const Body = JSON.stringify({ ...(JSON.parse(text) as object), late });
    account.s3.answer("PutObject", { Bucket: "deploys", Key: plainKey, Body });
    const status = await look();
    expect(said(status)).toContain("but for 1 that a run may have written too late");
    expect(answerOfStatus(status, []).document).toMatchObject({ dags: [{ plain: { state: "late" } }] });
  });

  test("says when it may not read their record, and of the version as before", async () => {
    const wire: NonNullable<DeployerOptions["wire"]> = ({ operation, about }, effect) =>
      operation === "GetObject" && about.includes(plainKey) ? Promise.reject(refusal("AccessDenied", 403)) : effect();
    const status = await look({ wire });
    expect(status.dags["small"]?.unknown).toBeNull();
    expect(said(status)).toContain("of its plain files nothing is known; denied");
    expect(answerOfStatus(status, []).document).toMatchObject({
      dags: [{ version: pointer().version, plain: { state: null } }],
    });
  });
});

test("A version that somebody has switched to beside the release is drift, with whose it is; so says a plan", async () => {
  const { release } = await deploy(1);
  switchBeside();
  const { drift } = await look();
  expect(drift).toMatchObject([{ service: null, location: "small", kind: "dags" }]);
  const [text = ""] = drift.map(showDrift);
  for (const part of [other.version, other.source.sha, other.run, release.dags["small"]?.version ?? "none"])
    expect(text).toContain(part);
  const { plan } = await account.clock.run(deployer(account, { run: 2, allowDivergent: true }).plan());
  expect(plan.findings.filter(({ id }) => id === "drift").map(({ what }) => what)).toEqual([`${text}.`]);
});

test("A pointer that is gone is drift", async () => {
  await deploy(1);
  account.s3.remove(`deploys/${key}`);
  expect((await look()).drift.map(showDrift)).toEqual([
    expect.stringMatching(/^readers of small find no pointer any more; the current release says [0-9a-f]{40}$/),
  ]);
});

test("What a release that was cut has switched is told as unfinished", async () => {
  await deploy(1);
  await account.commit({ "dags/flows.py": "VERSION = 2\n" });
  const before = pointer().version;
  await killedBefore(
    account,
    ({ to }) => to === "dagster" && pointer().version !== before,
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  await account.clock.pass(20 * 60_000);
  const { drift } = await look();
  expect(drift).toMatchObject([{ location: "small", kind: "unfinished" }]);
  expect(drift.map(showDrift)).toEqual([expect.stringContaining(before.slice(0, 12))]);
});

test("A role that may not read a pointer is told so, and of all else as before", async () => {
  await deploy(1);
  const wire = (call: { readonly operation: string; readonly about: string }, effect: () => Promise<unknown>) =>
    call.operation === "GetObject" && call.about.includes(key)
      ? Promise.reject(refusal("AccessDenied", 403))
      : effect();
  const status = await look({ wire: wire as NonNullable<DeployerOptions["wire"]> });
  expect(status.drift).toEqual([]);
  expect(status.dags["small"]?.unknown).toContain("denied");
  expect(said(status)).toContain("DAGs of small: not known");
});
