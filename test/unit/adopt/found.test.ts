import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { wordsOfAdopted } from "../../../src/adopt/explain.ts";
import { DagsterUnreachable } from "../../../src/dagster/client.ts";
import { protectingTag } from "../../../src/images/protect.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import { ReleaseFailed } from "../../../src/releases/result.ts";
import type { PlayedAccount } from "../../releases/played/account.ts";
import { adopter, givenInTests, madeOfLayers } from "../../releases/played/adopter.ts";
import { composed } from "../../releases/played/composed.ts";
import { type Deployer, deployer } from "../../releases/played/deployer.ts";
import { digestOfFound, openFound, ownedBy, pushFound } from "../../releases/played/found.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { whatRuns } from "../../releases/played/services.ts";
import { errorOf } from "../../error-of.ts";
import { readPastClient } from "../local-aws/stage.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openFound(composed.services, composed.options);
});
afterEach(() => account.close());

const adopted = () => account.clock.run(adopter(account).adopt());
const stackText = () => readFile(join(account.root, "dagster-stack.yml"), "utf8");
const asFound = { code: 1, daemon: 1, webserver: 1 };
const revisions = async (): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries(Object.entries(await whatRuns(account)).map(([key, one]) => [key, one?.revision ?? 0]));
async function act<T>(what: (who: Deployer) => Promise<T>, run: number): Promise<T> {
  const result = await account.clock.run(what(deployer(account, { run })));
  await account.clock.pass(60_000);
  return result;
}
async function commitAdopted(code: string): Promise<Sha> {
  return account.commit({ "dagster-stack.yml": madeOfLayers(await stackText()), "app/main.py": code });
}

test("What compose made is described as it is: names, containers, locations, and no value that looks secret", async () => {
  await adopted();
  const text = await stackText();
  expect(text).toContain("name: small\n");
  expect(text).toContain(`  code:
    kind: code-location
    image: code
    task-definition: live
    service: small-code
    container: deal_flow_code
    location: small
    address: code.small.local
    port: 4000
`);
  expect(text).toContain("log-group: /docker-compose/dealflow");
  expect(text).toContain('GOOGLE_SEARCH_ENGINE_ID: "0123"');
  expect(text).toContain("# DAGSTER_LOGS_PG_PASSWORD: plain text that looks secret, and not written here.");
  expect(text).not.toContain("correct horse");
});

test("A value is published only when neither its name nor its form can mean a secret", async () => {
  await account.close();
  const others = [
    ["AUTH_ENABLED", "true"],
    ["API_TOKEN_ENDPOINT", "correct-horse"],
    ["EXTRA_ARGS", "--password battery-staple"],
    ["PLAIN_HOST", "db.example"],
  ].map(([name, value]) => ({ name, value }));
  const services = composed.services.map((one) => {
    const known = one.container["environment"] as readonly object[];
    return { ...one, container: { ...one.container, environment: [...known, ...others] } };
  });
  account = await openFound(services, composed.options);
  await adopted();
  const text = await stackText();
  expect(text).toContain("PLAIN_HOST: db.example");
  expect(text).not.toMatch(/correct-horse|battery-staple/);
  for (const name of ["AUTH_ENABLED", "API_TOKEN_ENDPOINT", "EXTRA_ARGS"]) {
    expect(text).toContain(`# ${name}: not written here`);
    expect(text).not.toContain(`    ${name}:`);
  }
});

test("An address and a port that only variables tell are guesses, in the file and in what people are told", async () => {
  await account.close();
  const services = composed.services.map((one) => ({ ...one, container: { ...one.container, portMappings: [] } }));
  const workspace =
    "load_from: [{ grpc_server: { host: { env: HOST }, port: { env: PORT }, location_name: deals } }]\n";
  const files = { ...composed.options.files, "workspace.yaml": workspace };
  account = await openFound(services, { ...composed.options, files });
  const result = await account.clock.run(adopter(account).adopt({ given: { ...givenInTests, url: null } }));
  const text = await stackText();
  expect(text).not.toMatch(/localhost|NaN|port: 0/);
  expect(text).toContain("location: deals");
  expect(text).toMatch(
    /# A guess: the container's name: [^\n]*\n {4}address: deal_flow_code\n {4}# A guess: nothing tells its port/,
  );
  expect(wordsOfAdopted(result).join("\n")).toContain("services.code.port: nothing tells its port literally");
});

test("Nothing is written when what runs cannot be told", async () => {
  const before = await stackText();
  // No task tells which image its tag named.
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: "small-code", desiredCount: 0 });
  await account.clock.pass(120_000);
  const error = await account.clock.run(errorOf(adopter(account).adopt()));
  expect(String(error)).toContain("It is not known which image ECS service small-code runs");
  expect(await stackText()).toBe(before);
});

test("Nothing would change: each image is the one that runs, and the rest is what a release tells of its code", async () => {
  const { proof } = await adopted();
  expect(proof.isSame).toBe(true);
  const told = proof.definitions.map(({ definition, differences }) => [
    definition,
    differences.map(({ path, meaning }) => `${meaning}: ${path.slice(2).join(".")}`),
  ]);
  const host = ["told: dockerLabels.dagster-ecs.image", "name: image"];
  expect(Object.fromEntries(told)).toEqual({
    "run/small": [],
    "service/code": [
      "told: environment.DAGSTER_CONTAINER_CONTEXT",
      "told: environment.DAGSTER_CURRENT_IMAGE",
      "name: image",
    ],
    "service/daemon": host,
    "service/webserver": host,
  });
  expect(await revisions()).toEqual(asFound);
});

test("Nothing is written to AWS by it", async () => {
  await adopted();
  const asked = account.aws.calls.flatMap(({ caller, operation }) => (caller === "deploy" ? [operation] : []));
  expect(asked).toContain("ListServices");
  expect(asked.filter((operation) => !/^(Describe|List|Get)/.test(operation))).toEqual([]);
  expect(account.registry.tagsOf("small/code", digestOfFound("small/code:latest"))).toEqual(["latest"]);
});

test("The digest is that of the task that runs, although its tag names another image by now", async () => {
  const { proof } = await adopted();
  const [first] = proof.definitions.filter(({ definition }) => definition === "service/daemon");
  expect(first?.from).toBe("dealflow-dagster_daemon:1");
  // A tag that has moved since the task started names another image: what runs is what counts.
  pushFound(account, "small/host:next", "another");
  account.runtime.tag(`${new URL(account.registry.endpoint).host}/small/host:latest`, digestOfFound("another"));
  const again = await adopted();
  const images = again.proof.definitions.flatMap(({ differences }) =>
    differences.flatMap(({ path, to }) => (path.at(-1) === "image" && typeof to === "string" ? [to] : [])),
  );
  const running = digestOfFound("small/host:latest");
  expect(images.filter((image) => image.includes("small/host")).map((image) => image.replace(/^.*@/, ""))).toEqual([
    running,
    running,
  ]);
});

test("People are told what was found, what was guessed, what would change and what to do next", async () => {
  const words = wordsOfAdopted(await adopted()).join("\n");
  expect(words).toContain("small-code: code-location, small (services.code)");
  expect(words).toContain("Nothing would change:");
  expect(words).toContain("service webserver (dealflow-dagster_webserver:1): nothing else runs");
  expect(words).toContain("dagster-ecs adopt record");
  expect(words).toContain("secret-in-environment");
  expect(words).not.toContain("correct horse");
});

test("Whether the bucket for lock and records is there is looked up, and how one is made is said where none is", async () => {
  const { region } = account.aws;
  const making = `aws s3api create-bucket --bucket deploys --region ${region}${region === "us-east-1" ? "" : ` --create-bucket-configuration LocationConstraint=${region}`}`;
  const there = wordsOfAdopted(await adopted()).join("\n");
  expect(there).toContain("in the bucket deploys, which is there");
  expect(there).not.toContain("create-bucket");
  account.s3.answerForBuckets(404);
  const absent = wordsOfAdopted(await adopted()).join("\n");
  expect(absent).toContain("There is no bucket deploys");
  expect(absent).toContain(making);
  account.s3.answerForBuckets(403);
  const unknown = wordsOfAdopted(await adopted()).join("\n");
  expect(unknown).toContain("Whether there is a bucket deploys for lock and records is not known: ");
  expect(unknown).toContain("s3:ListBucket");
});

test("Files that are there are left alone, unless it is meant", async () => {
  const error = await account.clock.run(errorOf(adopter(account).adopt({ force: false })));
  expect(String(error)).toContain("dagster-stack.yml is there already");
  expect(await stackText()).not.toContain("dagster-ecs adopt");
});

test("Without a cluster's name, all are looked at, and the one with Dagster is taken", async () => {
  await readPastClient(account.aws, "CreateCluster", { clusterName: "another" });
  await account.clock.run(
    adopter(account).adopt({ wanted: { cluster: null, prefix: null, tag: null, cloudFormationStack: null } }),
  );
  expect(await stackText()).toContain("cluster: small");
});

test("A service that is not wanted is not in it, and a cluster without Dagster is named", async () => {
  const wanted = { cluster: "small", prefix: "nothing", tag: null, cloudFormationStack: null };
  const error = await account.clock.run(errorOf(adopter(account).adopt({ wanted })));
  expect(String(error)).toContain("No service named nothing… runs Dagster");
  expect(String(error)).toContain("cluster small");
});

test("Recorded, every image has a tag that keeps it and every definition a digest, and no service has moved", async () => {
  await adopted();
  const looked = await account.clock.run(adopter(account).record(true));
  expect(recordsOf(account).current).toBeNull();
  const { release, outcome, plan } = await account.clock.run(adopter(account).record());
  expect(outcome).toBe("committed");
  expect(looked.plan.steps.map(({ id }) => id)).toEqual(plan.steps.map(({ id }) => id));
  expect(recordsOf(account).current?.release).toBe(release.id);
  expect(await revisions()).toEqual(asFound);
  for (const name of ["code", "host"]) {
    const digest = digestOfFound(`small/${name}:latest`);
    expect(release.images[name]).toMatchObject({ repository: `small/${name}`, digest });
    expect(account.registry.tagsOf(`small/${name}`, digest)).toContain(protectingTag(digest));
  }
  for (const [key, { family, revision }] of Object.entries(release.taskDefinitions)) {
    const { taskDefinition } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
      taskDefinition: `${family}:${revision}`,
    })) as { readonly taskDefinition: object };
    const text = JSON.stringify(taskDefinition);
    expect([key, /small\/(code|host):latest/.exec(text)]).toEqual([key, null]);
    expect(text).toContain("@sha256:");
    expect(text).toContain("ResolvConf_InitContainer");
  }
  expect(recordsOf(account).intent(release.id)?.instigators).toHaveProperty("small");
  const again = await account.clock.run(errorOf(adopter(account).record()));
  expect(String(again)).toContain("what runs is recorded already");
});

test("Recorded from a branch that is not merged it is refused: the squashed commit would not follow it", async () => {
  await adopted();
  const base = await account.commit({ "dagster-stack.yml": await stackText() });
  account.defaultBranch = { name: "origin/main", head: base };
  await account.commit({ "app/main.py": "BRANCH = 1\n" });
  for (const dryRun of [true, false]) {
    const error = await account.clock.run(errorOf(adopter(account).record(dryRun)));
    expect(String(error)).toContain("is not in origin/main");
    expect(String(error)).toContain("git switch main");
  }
  expect(recordsOf(account).begun).toEqual([]);
  expect((await account.clock.run(adopter(account).record(true, true))).plan.steps).not.toEqual([]);
  await account.checkOut(base);
  const { outcome } = await account.clock.run(adopter(account).record());
  expect(outcome).toBe("committed");
});

test("The first release of new code goes back to what was found, through every gate", async () => {
  await adopted();
  await account.clock.run(adopter(account).record());
  await commitAdopted("VERSION = 2\n");
  const released = await act((who) => who.deploy(), 1);
  expect([released.outcome, await revisions()]).toEqual(["committed", { code: 3, daemon: 3, webserver: 3 }]);
  const planned = await act((who) => who.rollback("previous", { dryRun: true }), 2);
  expect(planned.plan.findings).toEqual([]);
  const back = await act((who) => who.rollback("previous"), 2);
  expect([back.outcome, await revisions()]).toEqual(["committed", { code: 2, daemon: 2, webserver: 2 }]);
  expect(back.release.images["code"]?.digest).toBe(digestOfFound("small/code:latest"));
});

test("The first release goes back by itself when its code does not load", async () => {
  await adopted();
  await account.clock.run(adopter(account).record());
  account.breakCode(await commitAdopted("VERSION = broken\n"));
  const error = await act((who) => errorOf(who.deploy()), 1);
  if (!(error instanceof ReleaseFailed)) throw error;
  expect(error.result.outcome).toBe("taken-back");
  expect(error.message).toContain("does not load");
  expect(await revisions()).toEqual(asFound);
});

test("Runs that wait without a definition of their own are listed before the first release, and none after it", async () => {
  const id = account.dagster.queue("small", "nightly\u001b[31m");
  const result = await adopted();
  const words = wordsOfAdopted(result).join("\n");
  expect(words).toContain(`${id} of job nightly in small`);
  expect(words).toContain("warning queued-runs: 1 run waits in the queue");
  const looked = await account.clock.run(adopter(account).record(true));
  expect(looked.plan.findings.map((one) => one.id)).toContain("queued-runs");
  const who = adopter(account);
  expect((await account.clock.run(who.record())).outcome).toBe("committed");
  expect(JSON.stringify(who.progress)).toContain(`${id} of job nightly`);
  await commitAdopted("VERSION = 2\n");
  await act((one) => one.deploy(), 1);
  // The code tells its runs their definition from now on.
  const { waiting } = await adopted();
  expect(waiting).toEqual({ runs: [], why: null });
});

test("Schedules that the first release would make late are named before it", async () => {
  account.dagster.instigators.defined.push(
    { kind: "schedule", location: "small", name: "often", cron: "* * * * *", defaultStatus: "RUNNING" },
    { kind: "schedule", location: "small", name: "nightly", cron: "0 3 * * *", defaultStatus: "RUNNING" },
  );
  const words = wordsOfAdopted(await adopted()).join("\n");
  expect(words).toContain("notice ticks-passed-over: While daemon is replaced nothing ticks, for about 3 minutes");
  expect(words).toContain("due more often than that: often of small (every minute). ");
});

test("A Dagster that does not list its runs keeps nobody from adopting, and that is said", async () => {
  const silent = adopter(account, (call, effect) => {
    if (call.operation === "WaitingRuns") return Promise.reject(new DagsterUnreachable("is away"));
    return effect();
  });
  const { waiting, findings } = await account.clock.run(silent.adopt());
  expect(waiting?.why?.untrusted).toContain("is away");
  expect(findings.find(({ id }) => id === "queued-runs")?.what).toContain("Not all could be listed");
});

const composeFile = `x-aws-cluster: small
services:
  deal_flow_code:
    image: "\${REGISTRY}/small/code:latest"
    build: { context: ., dockerfile: DockerfileAppCode, target: system }
    env_file: .env.prod
    x-aws-policies: ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
  dagster_daemon: { image: "\${REGISTRY}/small/host", build: { context: ., dockerfile: DockerfileDagster } }
  dagster_webserver:
    image: "\${REGISTRY}/small/host"
    entrypoint: dagster-webserver -h 0.0.0.0 -p 3000
    x-aws-autoscaling: { min: 1, max: 2, cpu: 70 }
`;

test("A compose file tells which Dockerfile makes which image, scaling, and the file to import secrets from", async () => {
  await account.close();
  const files = { ...composed.options.files, "docker-compose.yml": composeFile, "poetry.lock": "" };
  account = await openFound(composed.services, { ...composed.options, files });
  const wanted = { cluster: null, prefix: null, tag: null, cloudFormationStack: null };
  const { proof } = await account.clock.run(adopter(account).adopt({ wanted }));
  const text = await stackText();
  expect(text).toContain(`    repository: small/code
    platform: linux/amd64
    build: { context: ., dockerfile: DockerfileAppCode, target: system }
`);
  expect(text).toContain(`    build: { context: ., dockerfile: DockerfileDagster }
`);
  expect(text).not.toContain("which of them makes");
  expect(text).toContain("scaling: { min: 1, max: 2, cpu: 70 }");
  expect(text).toContain(
    "# Not taken over: x-aws-policies of deal_flow_code in docker-compose.yml: what runs has them.",
  );
  expect(text).toContain("dagster-ecs secrets import .env.prod --into secret:small/production --dry-run");
  expect(text).toContain("# With poetry.lock an image can be made of `layers`");
  expect(proof.isSame).toBe(true);
});

test("What a definition does not tell of its command, compose tells", async () => {
  await account.close();
  const services = composed.services.map((one) => {
    const { command: _, entryPoint: __, ...container } = one.container;
    return { ...one, container };
  });
  const command = (name: string, words: string): string => `  ${name}: { command: ${words} }\n`;
  const compose = `services:\n${command("deal_flow_code", "dagster api grpc -p 4000")}${command("dagster_daemon", "dagster-daemon run")}${command("dagster_webserver", "dagster-webserver")}`;
  account = await openFound(services, {
    ...composed.options,
    files: { ...composed.options.files, "compose.yaml": compose },
  });
  const { stack } = await adopted();
  expect(stack.services.map(({ kind }) => kind)).toEqual(
    ["code-location", "daemon", "webserver"].map((value) => ({ value, guess: null })),
  );
});

test("Services of a CloudFormation stack: the way to retire it is told, its percentages stay, and what it puts back is drift", async () => {
  const wire = ownedBy("dealflow");
  const result = await account.clock.run(adopter(account, wire).adopt());
  const words = wordsOfAdopted(result).join("\n");
  expect(words).toContain("CloudFormation stack dealflow still owns small-code, small-daemon, small-webserver.");
  expect(words).toContain("aws cloudformation delete-stack --stack-name dealflow");
  // Compose's templates are YAML: as JSON each would be one quoted string.
  expect(words).toContain("--query TemplateBody --output text > dealflow.yaml");
  expect(words).toContain("--template-body file://dealflow.yaml");
  expect(words).toContain("DeletionPolicy: Retain");
  expect(result.findings.map(({ id }) => id)).toContain("owned-by-cloudformation");
  expect(await stackText()).not.toContain("rollout: apply");
  await account.clock.run(adopter(account).record());
  await commitAdopted("VERSION = 2\n");
  const released = await act((who) => who.deploy(), 1);
  expect(released.outcome).toBe("committed");
  // As compose does: what CloudFormation knows, put there again.
  const request = { cluster: "small", service: "small-code", taskDefinition: "dealflow-deal_flow_code:1" };
  await readPastClient(account.aws, "UpdateService", request);
  await account.clock.pass(120_000);
  const { drift } = await account.clock.run(deployer(account, { run: 2, wire }).status());
  expect(drift.map(({ service, what }) => [service, what])).toEqual([
    ["code", expect.stringContaining("it belongs to the CloudFormation stack dealflow")],
  ]);
  const again = await act((who) => who.deploy(), 3);
  expect([again.outcome, (await revisions())["code"]]).toEqual([
    "committed",
    released.release.taskDefinitions["service/code"]?.revision,
  ]);
});
