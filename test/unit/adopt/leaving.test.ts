import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { planLeaving, script } from "../../../src/adopt/leaving/plan.ts";
import type { JsonMap } from "../../../src/domain/json.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import type { PlayedAccount } from "../../releases/played/account.ts";
import { adopter, madeOfLayers } from "../../releases/played/adopter.ts";
import { carryOut } from "../../releases/played/carry-out.ts";
import { composed } from "../../releases/played/composed.ts";
import { deployer } from "../../releases/played/deployer.ts";
import { openFound, pushFound } from "../../releases/played/found.ts";
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
  const text = madeOfLayers(await readFile(join(account.root, "dagster-stack.yml"), "utf8"));
  await account.commit({ "dagster-stack.yml": text, "app/main.py": "VERSION = 2\n" });
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
}

/** Tags and digests of both repositories. */
const imagesNow = (): readonly unknown[] => ["small/code", "small/host"].map((name) => account.registry.imagesIn(name));

test("What is left behind is what was found, on the code of the last release, and nothing of ours", async () => {
  await release();
  const left = await account.clock.run(adopter(account).leave());
  const images = imagesNow();
  await carryOut(account, left);
  expect(imagesNow()).toEqual(images);
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
});

test("No image is lost: neither what runs, nor what others have tagged, nor what another environment releases", async () => {
  await release();
  // As another workflow tags by commit, and caches; and as the other environment of this stack names what it runs.
  for (const tag of ["0123456789abcdef0123456789abcdef01234567", "cache-of-others", `src-${"ab".repeat(20)}-arm64`])
    pushFound(account, `small/code:${tag}`, tag);
  const images = imagesNow();
  const left = await account.clock.run(adopter(account).leave());
  await carryOut(account, left);
  expect(imagesNow()).toEqual(images);
  for (const { family, revision } of Object.values(await whatRuns(account)).flatMap((one) => one ?? [])) {
    const { taskDefinition } = await described(`${family}:${revision}`);
    const [, name = "", digest = ""] = /(small\/\w+)@(sha256:\w+)/.exec(JSON.stringify(taskDefinition)) ?? [];
    expect(account.registry.imagesIn(name).map(({ imageDigest }) => imageDigest)).toContain(digest);
  }
});

test("What stays is told, with the commands by which people see and remove what nobody needs", async () => {
  await release();
  const left = await account.clock.run(adopter(account).leave());
  const text = await readFile(join(account.root, "dagster-leave/leave.sh"), "utf8");
  for (const said of [text, left.stays.join("\n")]) {
    expect(said).toContain("aws ecr list-images --repository-name 'small/code'");
    expect(said).toContain("aws ecr batch-delete-image --repository-name 'small/code' --image-ids imageTag=");
  }
  expect(text.split("\n").filter((line) => line.includes("aws ecr") && !line.startsWith("#"))).toEqual([]);
  const asked = account.aws.calls.flatMap(({ caller, operation }) => (caller === "deploy" ? [operation] : []));
  expect(asked).not.toContain("ListImages");
});

test("What holds variables of services is readable by nobody else, also where a file was there before", async () => {
  await release();
  await account.clock.run(adopter(account).leave());
  const path = join(account.root, "dagster-leave/code.json");
  await chmod(path, 0o644);
  await writeFile(path, "");
  await account.clock.run(adopter(account).leave());
  for (const key of ["code", "daemon", "webserver"])
    expect((await stat(join(account.root, `dagster-leave/${key}.json`))).mode & 0o777).toBe(0o600);
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
    "aws ecs register-task-definition --cli-input-json 'file://dagster-leave/code.json' > /dev/null",
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
  await carryOut(account, left);
  expect(await whatRuns(account)).toEqual(before);
});

test("Where nothing is released there is nothing to give back", async () => {
  const error = await account.clock.run(errorOf(adopter(account).leave()));
  expect(String(error)).toContain("there is nothing to give back");
});

test("Nothing in a name becomes a command", () => {
  const records = { bucket: "it's; rm -rf /", prefix: "$(x)/" };
  const repositories = ["a'b\nrm -rf /\n"];
  const text = script(planLeaving({ cluster: "c", services: [], revisions: [], repositories, records }, "f"), "t\nrm");
  expect(text).toContain(`aws s3 rm --recursive 's3://it'\\''s; rm -rf //$(x)/'`);
  expect(text.split("\n").filter((line) => line.startsWith("rm"))).toEqual([]);
});
