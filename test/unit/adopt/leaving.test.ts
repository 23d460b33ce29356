import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Left } from "../../../src/adopt/leaving/leave.ts";
import { planLeaving, script } from "../../../src/adopt/leaving/plan.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import type { JsonMap } from "../../../src/domain/json.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import type { PlayedAccount } from "../../releases/played/account.ts";
import { adopter } from "../../releases/played/adopter.ts";
import { composed } from "../../releases/played/composed.ts";
import { deployer } from "../../releases/played/deployer.ts";
import { openFound } from "../../releases/played/found.ts";
import { whatRuns } from "../../releases/played/services.ts";
import { errorOf } from "../../error-of.ts";
import { readPastClient } from "../local-aws/stage.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openFound(composed.services, composed.options);
  await account.clock.run(adopter(account).adopt());
});
afterEach(() => account.close());

const described = async (
  revision: string,
): Promise<{ readonly taskDefinition: JsonMap; readonly tags?: readonly { readonly key: string }[] }> =>
  (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition: revision,
    include: ["TAGS"],
  })) as never;

async function release(): Promise<void> {
  await account.clock.run(adopter(account).record());
  const files =
    "[{ from: app, to: /app/app }, { from: dagster.yaml, to: /opt/dagster/dagster.yaml }, { from: workspace.yaml, to: /opt/dagster/workspace.yaml }]";
  const text = (await readFile(join(account.root, "dagster-stack.yml"), "utf8")).replaceAll(
    /build: \{.*\}/g,
    `layers: { base: "small/base:python", files: ${files} }`,
  );
  await account.commit({ "dagster-stack.yml": text, "app/main.py": "VERSION = 2\n" });
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
}

/** What the script has AWS's command line do. */
async function carryOut({ calls }: Left): Promise<void> {
  for (const { service, operation, input } of calls) {
    if (service === "ecs" && !operation.startsWith("wait")) await readPastClient(account.aws, operation, input);
    else if (service === "ecs") await account.clock.pass(120_000);
    else if (service === "ecr") {
      const { repositoryName, imageIds } = input as {
        readonly repositoryName: string;
        readonly imageIds: readonly { readonly imageTag: string }[];
      };
      for (const { imageTag } of imageIds) account.registry.untag(repositoryName, imageTag);
    } else {
      const { bucket, prefix } = input as { readonly bucket: string; readonly prefix: string };
      for (const path of account.s3.objects.keys()) if (path.startsWith(`${bucket}/${prefix}`)) account.s3.remove(path);
    }
  }
}

test("What is left behind is what was found, on the code of the last release, and nothing of ours", async () => {
  await release();
  const left = await account.clock.run(adopter(account).leave());
  await carryOut(left);
  const now = await whatRuns(account);
  for (const [key, family] of [
    ["code", "dealflow-deal_flow_code"],
    ["daemon", "dealflow-dagster_daemon"],
    ["webserver", "dealflow-dagster_webserver"],
  ] as const) {
    expect(now[key]).toEqual({ family, revision: 4 });
    const [found, running] = await Promise.all([described(`${family}:1`), described(`${family}:4`)]);
    const changed = compareDefinitions(found.taskDefinition, running.taskDefinition).map(({ path }) =>
      path.slice(2).join("."),
    );
    expect(changed).toEqual(key === "code" ? ["environment.DAGSTER_CURRENT_IMAGE", "image"] : ["image"]);
    expect(running.tags ?? []).toEqual([]);
    for (const old of [2, 3]) expect((await described(`${family}:${old}`)).taskDefinition["status"]).toBe("INACTIVE");
  }
  expect([...account.s3.objects.keys()].filter((path) => path.startsWith(account.recordsPrefix))).toEqual([]);
  for (const name of ["small/code", "small/host"]) {
    const tags = account.registry.imagesIn(name).map(({ imageTag }) => imageTag.replace(/^runs-.*/, "runs-"));
    expect([name, tags.filter((tag) => tag !== "latest" && tag !== "runs-")]).toEqual([name, []]);
  }
});

test("Writing the commands changes nothing in AWS, and they are there to be looked at", async () => {
  await release();
  const before = await whatRuns(account);
  const since = account.aws.calls.length;
  const left = await account.clock.run(adopter(account).leave());
  const asked = account.aws.calls
    .slice(since)
    .flatMap(({ caller, operation }) => (caller === "deploy" ? [operation] : []));
  expect(asked.filter((operation) => !/^(Describe|List|Get)/.test(operation))).toEqual([]);
  expect(await whatRuns(account)).toEqual(before);
  expect(left.files).toEqual([
    "dagster-leave/leave.sh",
    ...["code", "daemon", "webserver"].map((key) => `dagster-leave/${key}.json`),
  ]);
  const text = await readFile(join(account.root, "dagster-leave/leave.sh"), "utf8");
  expect(text).toContain(
    "aws ecs register-task-definition --no-cli-pager --cli-input-json 'file://dagster-leave/code.json'",
  );
  expect(text).toContain(
    "aws ecs wait services-stable --cluster 'small' --services 'small-code' 'small-daemon' 'small-webserver'",
  );
  expect(text).toContain("aws s3 rm --recursive 's3://deploys/small/production/'");
  expect(text.indexOf("wait services-stable")).toBeLessThan(text.indexOf("deregister-task-definition"));
});

test("What was only recorded is left without a service that moves", async () => {
  await account.clock.run(adopter(account).record());
  const before = await whatRuns(account);
  const left = await account.clock.run(adopter(account).leave());
  expect(left.calls.map(({ operation }) => operation)).not.toContain("UpdateService");
  await carryOut(left);
  expect(await whatRuns(account)).toEqual(before);
});

test("Where nothing is released there is nothing to give back", async () => {
  const error = await account.clock.run(errorOf(adopter(account).leave()));
  expect(String(error)).toContain("there is nothing to give back");
});

test("Nothing in a name becomes a command", () => {
  const records = { bucket: "it's; rm -rf /", prefix: "$(x)/" };
  const tags = [{ repository: "a", tag: "src-'x", digest: "sha256:0" as Digest }];
  const text = script(planLeaving({ cluster: "c", services: [], revisions: [], tags, records }, "f"), "t");
  expect(text).toContain(`aws s3 rm --recursive 's3://it'\\''s; rm -rf //$(x)/'`);
  expect(text).toContain(`"imageTag":"src-'\\''x"`);
});
