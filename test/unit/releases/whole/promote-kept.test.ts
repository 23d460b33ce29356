import type { TaskDefinition } from "@aws-sdk/client-ecs";
import type { Part } from "../../../../src/domain/plan.ts";
import { imageOf, type Release } from "../../../../src/domain/release.ts";
import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedAfter } from "../../../releases/played/killed-before.ts";
import { serviceKeys, servicesOf } from "../../../releases/played/onlooker.ts";
import { stagedOneImage } from "../../../releases/played/upgrade.ts";
import { showCall, type Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import { recorder } from "../../../releases/played/recorder.ts";
import { openTwoAccounts, commitToBoth } from "../../../releases/played/two-accounts.ts";

let staging: PlayedAccount;
let production: PlayedAccount;

beforeEach(async () => {
  ({ staging, production } = await openTwoAccounts(stagedOneImage));
});
afterEach(async () => {
  await production.close();
  await staging.close();
});

const newCode = (number: number) => ({ "app/main.py": `VERSION = ${number}\n` });
const from: DeployerOptions = { wishes: { from: { environment: "staging", release: null }, copyImages: true } };

const commit = (files: Readonly<Record<string, string>>) => commitToBoth({ staging, production }, files);

async function act(account: PlayedAccount, run: number, options: DeployerOptions = {}): Promise<Result> {
  const result = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
  return result;
}

/** A release of staging whose hosts run the image of the release before it. */
async function keptInStaging(): Promise<Release> {
  await act(staging, 1);
  await commit(newCode(2));
  const { release } = await act(staging, 2);
  expect(Object.keys(release.kept)).toEqual(["daemon", "webserver"]);
  return release;
}

const rolled = ({ services }: Result): readonly string[] => services.map(({ service }) => service);
const digests = (release: Release): readonly (string | undefined)[] =>
  serviceKeys.map((key) => imageOf(release, { key, image: "code" })?.digest);

/** Digest of the image in the definition that each service runs. */
async function running(account: PlayedAccount): Promise<readonly (string | undefined)[]> {
  const services = await servicesOf(account);
  return Promise.all(
    serviceKeys.map(async (key) => {
      const taskDefinition = services[key].taskDefinition ?? "";
      const described = await readPastClient(account.aws, "DescribeTaskDefinition", { taskDefinition });
      const { taskDefinition: definition } = described as { readonly taskDefinition?: TaskDefinition };
      return definition?.containerDefinitions?.[0]?.image?.split("@")[1];
    }),
  );
}

test("Each service runs here the image that it runs there, also those that stayed on an older one", async () => {
  const proved = await keptInStaging();
  const { release } = await act(production, 3, from);
  expect(digests(release)).toEqual(digests(proved));
  expect(await running(production)).toEqual(await running(staging));
  expect(release.kept).toEqual(proved.kept);
});

test("An image that several services keep is copied once, and that is said of all of them", async () => {
  await keptInStaging();
  const result = await act(production, 3, from);
  const copies = result.summary.markdown.match(/^.*\bcopy .*$/gm) ?? [];
  expect(copies.toSorted()).toEqual([
    expect.stringContaining("copy image `code` from where it was made"),
    expect.stringContaining("copy the image that daemon and webserver keep from where it was made"),
  ]);
});

test("New code alone leaves the hosts alone, here as there", async () => {
  await keptInStaging();
  await act(production, 3, from);
  await commit(newCode(3));
  await act(staging, 4);
  expect(rolled(await act(production, 5, from))).toEqual(["code"]);
  expect(rolled(await act(production, 6, from))).toEqual([]);
});

test("Hosts that run the image already stay, although it was made here and tells more than a promoted one", async () => {
  await act(production, 1);
  await keptInStaging();
  expect(rolled(await act(production, 3, from))).toEqual(["code"]);
  expect(await running(production)).toEqual(await running(staging));
});

test("Hosts that moved there move here", async () => {
  await keptInStaging();
  await act(production, 3, from);
  await commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  await act(staging, 4);
  const result = await act(production, 5, from);
  expect(rolled(result)).toEqual(["code", "daemon", "webserver"]);
  expect(result.release.kept).toEqual({});
});

test("A release from this checkout moves the hosts once: what they take of a promoted image is not known", async () => {
  await keptInStaging();
  await act(production, 3, from);
  await commit(newCode(3));
  expect(rolled(await act(production, 4))).toEqual(["code", "daemon", "webserver"]);
  await commit(newCode(4));
  expect(rolled(await act(production, 5))).toEqual(["code"]);
});

test("Hosts that stayed on an older image here move to the one that they run there", async () => {
  await act(production, 1);
  await commit(newCode(2));
  expect(Object.keys((await act(production, 2)).release.kept)).toEqual(["daemon", "webserver"]);
  await act(staging, 1);
  const result = await act(production, 3, from);
  expect(rolled(result)).toEqual(["daemon", "webserver"]);
  expect(result.release.kept).toEqual({});
  expect(await running(production)).toEqual(await running(staging));
});

test("It is refused, once for both services, when no registry has an image that they keep", async () => {
  const proved = await keptInStaging();
  const digest = proved.kept["daemon"]?.digest ?? "";
  staging.registry.forget("small/code", digest);
  const who = deployer(production, { run: 3, ...from });
  await expect(production.clock.run(who.plan())).rejects.toMatchObject({
    what: "No registry has the image any more, neither this one nor the one that it was made in.",
    where: `small/code@${digest}`,
  });
  const others = who.progress.filter((said) => said.kind === "finding" && said.finding.level === "error");
  expect(others).toEqual([]);
});

test("It is planned alike before its images are copied and after", async () => {
  await keptInStaging();
  const planned = await production.clock.run(deployer(production, { run: 3, ...from }).plan());
  const { release } = await production.clock.run(
    deployer(production, { run: 3, ...from }).deploy({ parts: ["images"] }),
  );
  expect(Object.keys(release.kept)).toEqual(["daemon", "webserver"]);
  const approved = { hash: planned.hash, onChange: "fail" as const };
  const made = await production.clock.run(deployer(production, { run: 3, ...from }).deploy({ approved }));
  expect(made.outcome).toBe("committed");
});

test("It is the same by four actions that hand the release on", async () => {
  const proved = await keptInStaging();
  const parts: readonly (readonly Part[])[] = [["images"], ["migrations"], ["definitions"], ["rollout"]];
  let release: Release | null = null;
  for (const some of parts) {
    const who = deployer(production, { run: 3, ...from });
    ({ release } = await production.clock.run(who.deploy({ parts: some, release })));
  }
  await production.clock.pass(60_000);
  expect(digests(release ?? proved)).toEqual(digests(proved));
  expect(release?.kept).toEqual(proved.kept);
  expect(await wrongWith(production)).toEqual([]);
});

test.each([0.15, 0.3, 0.45, 0.6, 0.75, 0.9])(
  "Cut when %d of its calls were made, and run again, it ends as if it had not been",
  async (part) => {
    const proved = await keptInStaging();
    const { wire: counting, calls } = recorder();
    await act(production, 3, { ...from, wire: counting });
    await production.close();
    production = await openAccount({ ...stagedOneImage, neighbour: staging });
    await production.commit(newCode(2));
    await killedAfter(production, Math.floor(calls() * part), (wire) =>
      deployer(production, { run: 3, wire, ...from }).deploy(),
    );
    const { release } = await act(production, 3, { attempt: 2, ...from });
    expect(digests(release)).toEqual(digests(proved));
    expect(await running(production)).toEqual(await running(staging));
  },
);

test("Going back to it brings back what was kept in it", async () => {
  await keptInStaging();
  const { release } = await act(production, 3, from);
  await commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  await act(staging, 4);
  await act(production, 5, from);
  const back = await production.clock.run(deployer(production, { run: 6 }).rollback(release.id));
  await production.clock.pass(60_000);
  expect(back.release.kept).toEqual(release.kept);
  expect(await running(production)).toEqual(digests(release));
  expect(await wrongWith(production)).toEqual([]);
});

test("Nothing is copied that is here already", async () => {
  await keptInStaging();
  await act(production, 3, from);
  await commit(newCode(3));
  const proved = await act(staging, 4);
  const put: string[] = [];
  const wire: Wire = (call, effect) => {
    const [, tag] = /registry PUT .*small\/code\/manifests\/(\S+)/.exec(showCall(call)) ?? [];
    if (tag !== undefined) put.push(tag);
    return effect();
  };
  await act(production, 5, { ...from, wire });
  expect(put).toEqual([`src-${proved.release.images["code"]?.contentKey ?? ""}`]);
});
