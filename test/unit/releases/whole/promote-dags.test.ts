import type { Release } from "../../../../src/domain/release.ts";
import { errorOf } from "../../../error-of.ts";
import type { PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { dagsFiles, dagsStagedStack } from "../../../releases/played/stacks.ts";
import { commitToBoth, openTwoAccounts, release } from "../../../releases/played/two-accounts.ts";

let staging: PlayedAccount;
let production: PlayedAccount;
let proved: Release;

beforeEach(async () => {
  ({ staging, production } = await openTwoAccounts({ stack: dagsStagedStack, files: dagsFiles }));
  await commitToBoth({ staging, production }, { "dags/flows.py": "VERSION = 'proved'\n" });
  proved = await release(staging, 1);
});
afterEach(async () => {
  await production.close();
  await staging.close();
});

const from: DeployerOptions = { wishes: { from: { environment: "staging", release: null }, copyImages: true } };
const versionOf = ({ dags }: Pick<Release, "dags">): string => dags["small"]?.version ?? "none";
const keysOf = ({ s3, bucket }: PlayedAccount, below: string): readonly string[] =>
  [...s3.objects.keys()].flatMap((key) =>
    key.startsWith(`${bucket}/dags/small/${below}`) ? [key.slice(bucket.length)] : [],
  );
const served = (): string => {
  const { text = "{}" } = production.s3.objects.get("deploys/dags/small/current.json") ?? {};
  return (JSON.parse(text) as { readonly version: string }).version;
};

test("A version of DAGs is promoted by its very bytes: copied with its manifest, and switched to as in any release", async () => {
  await commitToBoth({ staging, production }, { "dags/flows.py": "VERSION = 'not proved yet'\n" });
  const promoted = await release(production, 2, from);
  expect([versionOf(promoted), served()]).toEqual([versionOf(proved), versionOf(proved)]);
  for (const below of ["archives/", "versions/"]) {
    expect(keysOf(production, below)).toEqual(keysOf(staging, below));
    expect(keysOf(production, below)).toHaveLength(1);
  }
  expect(promoted.dags["small"]?.source).toEqual(proved.dags["small"]?.source);
  expect(await wrongWith(production)).toEqual([]);
  const again = await production.clock.run(deployer(production, { run: 3, ...from }).deploy());
  expect(again.plan.steps).toEqual([]);
});

test("A plan of a promotion says that the version is copied, and which files change", async () => {
  await release(production, 2, from);
  await commitToBoth({ staging, production }, { "dags/flows.py": "VERSION = 3\n", "dags/more.py": "MORE = True\n" });
  await release(staging, 3);
  const { plan, summary } = await production.clock.run(deployer(production, { run: 4, ...from }).plan());
  expect(plan.steps.find(({ id }) => id === "publish/small")?.reason).toBe(
    "staging has it, and this environment has not",
  );
  expect(summary.markdown).toContain("DAGs of small: 1 added, 1 changed, 0 removed");
});

test("A promotion that is cut while it copies is finished by the next one", async () => {
  await killedBefore(
    production,
    ({ operation, about }) => operation === "PutObject" && about.includes("dags/small/versions/"),
    (wire) => deployer(production, { run: 2, wire, ...from }).deploy(),
  );
  expect(keysOf(production, "archives/")).toHaveLength(1);
  expect(keysOf(production, "versions/")).toHaveLength(0);
  await production.clock.pass(20 * 60_000);
  await release(production, 3, from);
  expect(served()).toBe(versionOf(proved));
  expect(await wrongWith(production)).toEqual([]);
});

test("A manifest here, of the same files packed otherwise, is mended when its archive is gone", async () => {
  const [key = ""] = keysOf(staging, "versions/");
  const { text = "{}" } = staging.s3.objects.get(`staging-deploys${key}`) ?? {};
  const gone = { ...(JSON.parse(text) as object), archive: { digest: `sha256:${"f".repeat(64)}`, size: 9 } };
  production.s3.answer("PutObject", { Bucket: "deploys", Key: key.slice(1), Body: JSON.stringify(gone) });
  await release(production, 2, from);
  expect(production.s3.objects.get(`deploys${key}`)?.text).toBe(text);
  expect(keysOf(production, "archives/")).toEqual(keysOf(staging, "archives/"));
});

test("A promotion of a part neither copies nor switches a location that nobody has named", async () => {
  await release(production, 2, from);
  await commitToBoth({ staging, production }, { "dags/flows.py": "VERSION = 3\n" });
  await release(staging, 3);
  await killedBefore(
    production,
    ({ to }) => to === "dagster" && served() !== versionOf(proved),
    (wire) => deployer(production, { run: 4, wire, ...from }).deploy(),
  );
  await production.clock.pass(20 * 60_000);
  await commitToBoth({ staging, production }, { "dags/flows.py": "VERSION = 4\n" });
  const newest = await release(staging, 5);
  const read: string[] = [];
  const wire: NonNullable<DeployerOptions["wire"]> = ({ operation, about }, effect) => {
    if (operation === "GetObject") read.push(about);
    return effect();
  };
  await release(production, 6, { wire, wishes: { ...from.wishes, only: ["host"] } });
  expect(served()).toBe(versionOf(proved));
  expect(read.filter((about) => about.includes(versionOf(newest)))).toEqual([]);
});

test("An archive with other content than its manifest says is not copied, and nothing is switched", async () => {
  const [key = ""] = keysOf(staging, "archives/");
  staging.s3.answer("PutObject", { Bucket: "staging-deploys", Key: key.slice(1), Body: "something else" });
  const error = await production.clock.run(errorOf(deployer(production, { run: 2, ...from }).deploy()));
  expect(String(error)).toContain("its archive has other content than it says");
  expect(keysOf(production, "")).toEqual([]);
});

test("A version that is gone in the other environment as well cannot be promoted", async () => {
  const [key = ""] = keysOf(staging, "archives/");
  staging.s3.remove(`staging-deploys${key}`);
  const error = await production.clock.run(errorOf(deployer(production, { run: 2, ...from }).deploy()));
  expect(String(error)).toContain(`${versionOf(proved)} of the DAGs of small`);
  expect(keysOf(production, "")).toEqual([]);
});
