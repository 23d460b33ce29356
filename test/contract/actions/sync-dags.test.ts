import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { actionOf } from "../../../src/aws/permission.ts";
import { dagsPointerSchema, dagsPrefix } from "../../../src/domain/dags.ts";
import { policyFor } from "../../../src/releases/policy/policy.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { type Job, runStep, type StepResult } from "../../runner/run-step.ts";
import { allowedBy, parsePolicy } from "../../infra/policy.ts";
import { documentedFor, documentedWith, neededBy } from "./documented-permissions.ts";
import { listen } from "../../loopback.ts";

let bed: Bed;
let infrastructure: Infrastructure;
let dagster: PlayedDagster;
let checkout: GitCheckout;
let location: string;
let since: number;
const locations: string[] = [];
let runId = 500;

beforeAll(async () => {
  bed = await startBed();
  const secrets = { [login.secret]: JSON.stringify({ username: login.username, password: login.password }) };
  infrastructure = await playInfrastructure(bed, { stack: "shop", repositories: [], services: {}, secrets });
  dagster = await playDagster();
});
afterAll(async () => {
  await dagster.close();
  await bed.close();
});
beforeEach(async () => {
  checkout = await newCheckout({ "dags/shop/__init__.py": "", "dags/shop/jobs.py": "RETRIES = 3\n", "README.md": "" });
  runId += 1;
  location = `shop-${runId}`;
  locations.push(location);
  dagster.location = location;
  dagster.says = "follows";
  since = bed.calls.length;
});
afterEach(() => checkout.remove());

const login = { secret: "shop/login", username: "release", password: "correct-horse-9" };

/** What stands in for webserver and reader: it names the version that the pointer has, or as it is told. */
interface PlayedDagster {
  readonly url: string;
  location: string;
  says: "follows" | "stays" | "breaks" | "login" | "password";
  close(): Promise<void>;
}

async function playDagster(): Promise<PlayedDagster> {
  let known: string | null = null;
  const entry = async (): Promise<object> => {
    const version = await pointer().then((now) => now?.version ?? null);
    if (played.says !== "stays") known = version;
    const breaks = played.says === "breaks" && version === broken;
    return {
      name: played.location,
      loadStatus: "LOADED",
      displayMetadata: [{ key: "working_directory", value: `/opt/dagster/dags/x/versions/${known ?? ""}` }],
      locationOrLoadError: breaks
        ? { __typename: "PythonError", message: "No module named 'pandsa' ::error::", stack: [], causes: [] }
        : { __typename: "RepositoryLocation", serverId: "1b2c", repositories: [] },
    };
  };
  const server = createServer((request, response) => {
    request.resume();
    if (played.says === "login") {
      response.writeHead(302, { location: "https://login.example.com" }).end();
      return;
    }
    const token = Buffer.from(`${login.username}:${login.password}`).toString("base64");
    if (played.says === "password" && request.headers.authorization !== `Basic ${token}`) {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return;
    }
    void entry().then((one) => {
      const workspaceOrError = { __typename: "Workspace", locationEntries: [one] };
      response.setHeader("content-type", "application/json").end(JSON.stringify({ data: { workspaceOrError } }));
    });
  });
  const { url, close } = await listen(server);
  const played: PlayedDagster = {
    url,
    location: "",
    says: "follows",
    close,
  };
  return played;
}

/** The version whose code does not load. */
let broken = "";

async function pointer(): Promise<{ readonly version: string; readonly previous: string | null } | null> {
  const credentials = { accessKeyId: "onlooker", secretAccessKey: "secret" };
  const client = new S3Client({ endpoint: bed.url, region: bed.region, credentials });
  try {
    const Key = `dags/${location}/current.json`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: infrastructure.contract.bucket.name, Key }));
    return dagsPointerSchema.parse(JSON.parse((await Body?.transformToString()) ?? ""));
  } catch (error) {
    if ((error as Error).name === "NoSuchKey") return null;
    throw error;
  } finally {
    client.destroy();
  }
}

function sync(inputs: Readonly<Record<string, string>> = {}, job: Partial<Job> = {}): Promise<StepResult> {
  runId += 1;
  return runStep(
    {
      workspace: checkout.folder,
      repository: "owner/shop",
      runId,
      ...job,
      environment: { ...bed.environment("dags"), ...job.environment },
    },
    {
      action: "actions/sync-dags",
      with: { location, bucket: infrastructure.contract.bucket.name, "github-token": "", ...inputs },
    },
  );
}

const asked = (): Readonly<Record<string, string>> => ({ "webserver-url": dagster.url, timeout: "1" });

const calls = (): readonly string[] =>
  bed.calls.slice(since).flatMap(({ caller, operation }) => (caller === "dags" ? [operation] : []));
const writes = (): readonly string[] => calls().filter((operation) => !/^(Get|Head|List)/.test(operation));

const errorsOf = ({ annotations }: StepResult): string =>
  annotations.flatMap(({ level, message }) => (level === "error" ? [message] : [])).join("\n");

async function change(text: string): Promise<string> {
  await checkout.write("dags/shop/jobs.py", text);
  return checkout.commit("Change");
}

describe("publishing", () => {
  test("brings a folder to S3 with three writes, the pointer last; and the same once more with none", async () => {
    const first = await sync();
    expect(first.annotations).toEqual([]);
    expect(first.exitCode).toBe(0);
    expect(first.outputs).toMatchObject({ "previous-version": "", changed: "true", outcome: "switched" });
    expect(first.outputs["version"]).toMatch(/^[0-9a-f]{40}$/);
    expect(await pointer()).toMatchObject({ version: first.outputs["version"], previous: null });
    expect(first.summary).toContain("2 added");
    const resources = bed.calls
      .slice(since)
      .flatMap(({ caller, operation, resource }) =>
        caller === "dags" && operation === "PutObject"
          ? [resource.replace(/^.*\/dags\/[^/]+\//, "").replace(/[0-9a-f]{40,}/, "*")]
          : [],
      );
    expect(resources).toEqual(["archives/*.tar.gz", "versions/*.json", "current.json"]);

    since = bed.calls.length;
    const second = await sync();
    expect(second.outputs).toMatchObject({ version: first.outputs["version"], changed: "false", outcome: "unchanged" });
    expect(writes()).toEqual([]);
  });

  test("on a pull request only says what it would do", async () => {
    await sync();
    await change("RETRIES = 4\n");
    since = bed.calls.length;
    const result = await sync({}, { event: { name: "pull_request", payload: {} } });
    expect(result.outputs).toMatchObject({ changed: "true", outcome: "planned" });
    expect(result.summary).toContain("! shop/jobs.py");
    expect(writes()).toEqual([]);
  });

  test("needs nothing but to read and to write objects", async () => {
    await sync(asked());
    expect(new Set(calls())).toEqual(new Set(["GetObject", "HeadObject", "PutObject"]));
  });

  test("keeps the hash of the lock, and takes another prefix and folder", async () => {
    await checkout.write("uv.lock", "dagster==1.13.27\n");
    await checkout.write("flows/main.py", "x = 1\n");
    checkout.commit("Lock");
    const result = await sync({ lock: "uv.lock", directory: "flows", prefix: `dags/${location}/` });
    expect(result.exitCode).toBe(0);
    expect(result.summary).toContain("+ main.py");
  });
});

describe("with a webserver", () => {
  test("is done when it has loaded the version", async () => {
    expect((await sync(asked())).outputs).toMatchObject({ outcome: "served" });
    await change("RETRIES = 4\n");
    const result = await sync(asked());
    expect(result.outputs).toMatchObject({ changed: "true", outcome: "served" });
    expect((await sync(asked())).outputs).toMatchObject({ changed: "false", outcome: "unchanged" });
  });

  test("that asks for a password gets it from Secrets Manager, and nobody else does", async () => {
    await sync();
    await change("RETRIES = 4\n");
    since = bed.calls.length;
    dagster.says = "password";
    const nobody = await sync(asked());
    expect(nobody.exitCode).toBe(1);
    expect(errorsOf(nobody)).toMatch(/401/);
    expect(writes()).toEqual([]);
    const known = await sync({ ...asked(), auth: `secret:${login.secret}` });
    expect(known.outputs).toMatchObject({ outcome: "served" });
    expect(JSON.stringify(known)).not.toContain(login.password);
    const missing = await sync({ ...asked(), auth: "secret:shop/none" });
    expect(missing.exitCode).toBe(1);
    expect(errorsOf(missing)).toContain("shop/none");
  });

  test("takes code back that does not load, says why, and is red", async () => {
    const first = await sync(asked());
    await change("import pandsa\n");
    dagster.says = "breaks";
    broken = (await sync({ publish: "false" })).outputs["version"] ?? "";
    const result = await sync(asked());
    expect(result.exitCode).toBe(1);
    expect(result.outputs).toMatchObject({ version: broken, outcome: "taken-back" });
    expect(await pointer()).toMatchObject({ version: first.outputs["version"] });
    expect(errorsOf(result)).toContain(`Code location ${location} does not load.`);
    expect(errorsOf(result)).toContain("again, and it is loaded.");
    expect(result.summary).toContain("No module named 'pandsa'");
    expect(result.log.join("\n")).not.toMatch(/^::error::/m);
  });

  test("that does not answer, or lets nobody in, writes nothing", async () => {
    await sync();
    await change("RETRIES = 4\n");
    since = bed.calls.length;
    const away = await sync({ "webserver-url": "http://127.0.0.1:9", timeout: "1" });
    expect(away.exitCode).toBe(1);
    expect(errorsOf(away)).toContain("so nothing was written");
    dagster.says = "login";
    const login = await sync(asked());
    expect(login.exitCode).toBe(1);
    expect(errorsOf(login)).toMatch(/login/i);
    expect(writes()).toEqual([]);
  });

  test("cancelled while it waits, it says that the new version stays", async () => {
    await sync(asked());
    await change("RETRIES = 4\n");
    dagster.says = "stays";
    const controller = new AbortController();
    const running = sync({ ...asked(), timeout: "10" }, { signal: controller.signal });
    const before = (await pointer())?.version;
    while ((await pointer())?.version === before) await sleep(50);
    controller.abort();
    const result = await running;
    expect(result.exitCode).toBe(130);
    expect(result.log.join("\n")).toContain("readers keep it");
    expect((await pointer())?.previous).toBe(before);
  });
});

describe("going back", () => {
  test("is one write, to the version of before or any that was published", async () => {
    const first = await sync();
    await change("RETRIES = 4\n");
    const second = await sync();
    since = bed.calls.length;
    const back = await sync({ to: "previous" });
    expect(back.outputs).toMatchObject({ version: first.outputs["version"], outcome: "switched" });
    expect(writes()).toEqual(["PutObject"]);
    expect(back.summary).toContain("! shop/jobs.py");
    const forth = await sync({ to: second.outputs["version"] ?? "" });
    expect(forth.outputs).toMatchObject({ version: second.outputs["version"], outcome: "switched" });
    expect((await sync({ to: second.outputs["version"] ?? "" })).outputs).toMatchObject({ outcome: "unchanged" });
  });

  test("to what was never there is refused", async () => {
    expect(errorsOf(await sync({ to: "previous" }))).toContain("Nothing was ever served");
    await sync();
    expect(errorsOf(await sync({ to: "previous" }))).toContain("is the first one that was served");
    expect(errorsOf(await sync({ to: "c".repeat(40) }))).toContain(`There is no version ${"c".repeat(40)}`);
  });

  test("does not happen by publishing an older commit, unless that is allowed", async () => {
    const older = checkout.git("rev-parse", "HEAD");
    await change("RETRIES = 4\n");
    await sync();
    checkout.git("checkout", "--quiet", older);
    since = bed.calls.length;
    const result = await sync();
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toContain("publishing it would go back");
    expect(writes()).toEqual([]);
    expect((await sync({ "allow-divergent": "true" })).outputs).toMatchObject({ outcome: "switched" });
  });

  test("nor by another repository", async () => {
    await sync();
    await change("RETRIES = 4\n");
    const result = await sync({}, { repository: "owner/other" });
    expect(errorsOf(result)).toContain("two repositories would take turns");
  });
});

describe("plain files", () => {
  const keys = async (): Promise<readonly string[]> => {
    const credentials = { accessKeyId: "onlooker", secretAccessKey: "secret" };
    const client = new S3Client({ endpoint: bed.url, region: bed.region, credentials });
    const Prefix = `dags/${location}/`;
    const { Contents = [] } = await client.send(
      new ListObjectsV2Command({ Bucket: infrastructure.contract.bucket.name, Prefix }),
    );
    client.destroy();
    return Contents.map(({ Key = "" }) => Key.slice(Prefix.length));
  };

  test("alone lie under the prefix, and are brought up to date", async () => {
    const first = await sync({ layout: "mirror" });
    expect(first.annotations).toEqual([]);
    expect(first.outputs).toMatchObject({ changed: "true", outcome: "switched", "previous-version": "" });
    expect(await keys()).toEqual([".mirror.json", "shop/__init__.py", "shop/jobs.py"]);
    await change("RETRIES = 5\n");
    const planned = await sync({ layout: "mirror", publish: "false" });
    expect(planned.summary).toContain("Plain files: 1 to write, 0 to remove.");
    const second = await sync({ layout: "mirror" });
    expect(second.outputs).toMatchObject({ changed: "true", "previous-version": first.outputs["version"] });
    expect(second.annotations.map(({ level, message }) => [level, message.slice(0, 60)])).toEqual([
      ["warning", expect.stringContaining("1 changed files have the size")],
    ]);
    since = bed.calls.length;
    expect((await sync({ layout: "mirror" })).outputs).toMatchObject({ changed: "false", outcome: "unchanged" });
    expect(calls()).toEqual(["GetObject"]);
  });

  test("follow versions, also back to an earlier one", async () => {
    const both = { layout: "both", "mirror-prefix": `dags/${location}/plain/` };
    await sync(both);
    await change("RETRIES = 45\n");
    await sync(both);
    await sync({ ...both, to: "previous" });
    expect(await keys()).toContain("plain/shop/jobs.py");
    const credentials = { accessKeyId: "onlooker", secretAccessKey: "secret" };
    const client = new S3Client({ endpoint: bed.url, region: bed.region, credentials });
    const Key = `dags/${location}/plain/shop/jobs.py`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: infrastructure.contract.bucket.name, Key }));
    expect(await Body?.transformToString()).toBe("RETRIES = 3\n");
    client.destroy();
    expect((await sync({ ...both, to: (await pointer())?.version ?? "" })).outputs["outcome"]).toBe("unchanged");
  });

  test("may share the prefix of the versions, whose names are taken then", async () => {
    expect((await sync({ layout: "both" })).exitCode).toBe(0);
    expect(await keys()).toEqual(expect.arrayContaining(["current.json", "shop/jobs.py"]));
    await checkout.write("dags/versions/a.sql", "select 1\n");
    checkout.commit("Name");
    expect(errorsOf(await sync({ layout: "both" }))).toContain("versions/a.sql would lie where records and versions");
  });
});

describe("old versions", () => {
  test("stay for days after they were served, and a plan says which would go", async () => {
    for (const text of ["RETRIES = 1\n", "RETRIES = 2\n", "RETRIES = 4\n"]) {
      await change(text);
      expect((await sync({ "keep-versions": "1" })).summary).toContain("No old version is to be removed.");
    }
  });
});

describe("definitions", () => {
  test("are tried where that is asked for, and a job without Dagster says so", async () => {
    const result = await sync({ validate: "on", module: "shop" });
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toContain("the python3 of this job has no package dagster");
    expect(writes()).toEqual([]);
    expect((await sync({ module: "shop" })).exitCode).toBe(0);
  });
});

describe("refuses, before it writes anything,", () => {
  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ["a location that is no name", { location: "/b" }, /Input location is Dagster's name/],
    ["no bucket", { bucket: "" }, /Input bucket is required/],
    ["a prefix without its slash", { prefix: "dags/main" }, /ends in a slash/],
    ["a folder that is not there", { directory: "nowhere" }, /nowhere/],
    ["a lock that is not there", { lock: "uv.lock" }, /There is no uv\.lock/],
    ["a version that is none", { to: "v1" }, /Input to is `previous`, or a version/],
    ["another word for `publish`", { publish: "yes" }, /Input publish is one of auto, true, false/],
    ["a check that cannot be allowed", { allow: "not-forward" }, /Input allow has one of/],
    ["an address that is none", { "webserver-url": "dagster.example.com" }, /is an http or https URL/],
    ["a login that is no secret", { auth: "admin:admin" }, /is a secret: secret:name/],
    ["a login that nobody asks for", { auth: "secret:shop/login" }, /`auth` is the login of a webserver/],
    ["another layout", { layout: "plain" }, /Input layout is one of versions, mirror, both/],
    ["a prefix for plain files that there are none of", { "mirror-prefix": "dags/x/" }, /none are kept/],
    ["to go back where there are no versions", { layout: "mirror", to: "previous" }, /no version to go back to/],
    [
      "to ask who has loaded plain files",
      { layout: "mirror", "webserver-url": "http://a" },
      /which plain files are loaded/,
    ],
    ["to keep versions that there are none of", { layout: "mirror", "keep-versions": "3" }, /have no versions/],
    ["a number that is none", { "keep-versions": "0" }, /Input keep-versions is a whole number/],
    ["days that are none", { "keep-days": "soon" }, /Input keep-days is a whole number of days/],
    ["another word for `validate`", { validate: "yes" }, /Input validate is one of off, auto, on/],
    ["a module that is a file", { module: "shop/jobs.py" }, /Input module is the name of a Python module/],
    ["to try what has no name", { validate: "on" }, /needs to know what is loaded/],
    ["no time at all", { timeout: "0" }, /Input timeout is a whole number of minutes, 1 to 9999/],
    ["another word for a flag", { "allow-divergent": "1" }, /Input allow-divergent is `true` or `false`/],
    ["another account", { "allowed-account-ids": "999999999999" }, /999999999999/],
    ["a role that is none", { "role-to-assume": "deploy" }, /is the ARN of an IAM role/],
    ["a name that no session can have", { "role-session-name": "a b" }, /has 2 to 64 letters/],
  ])("%s", async (_, inputs, words) => {
    const result = await sync(inputs);
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(words);
    expect(writes()).toEqual([]);
  });

  test("a folder that differs from its commit, unless that is allowed", async () => {
    await checkout.write("dags/shop/new.py", "x = 1\n");
    expect(errorsOf(await sync())).toContain("dags differs from the commit in dags/shop/new.py");
    expect(writes()).toEqual([]);
    expect((await sync({ "allow-dirty": "true" })).exitCode).toBe(0);
  });

  test("a file elsewhere may differ", async () => {
    await checkout.write("README.md", "changed\n");
    expect((await sync()).exitCode).toBe(0);
  });

  test("code that does not compile, unless that is allowed", async () => {
    await change("def f(:\n");
    const result = await sync();
    expect(result.exitCode).toBe(1);
    expect(result.annotations.find(({ level }) => level === "error")?.properties).toMatchObject({
      file: "dags/shop/jobs.py",
      line: "1",
    });
    expect(writes()).toEqual([]);
    expect((await sync({ allow: "dags-broken" })).exitCode).toBe(0);
  });

  test("without a region", async () => {
    const result = await sync({}, { environment: { AWS_REGION: "", AWS_DEFAULT_REGION: "" } });
    expect(errorsOf(result)).toContain("No AWS region is set.");
  });
});

describe("what its role must be allowed", () => {
  test("is written, for all that was called before", () => {
    const needed = neededBy(bed.calls, "dags");
    expect(needed).toEqual(expect.arrayContaining(["s3:GetObject", "s3:PutObject", "ssm:GetParameter"]));
    const documented = [...documentedFor("sync-dags"), ...documentedWith("With `gates: auth`")];
    expect(needed.filter((action) => !documented.includes(action))).toEqual([]);
  });

  test("is what the policy of a publisher allows, on what was called before", () => {
    const { bucket, account, region } = infrastructure.contract;
    const names = {
      home: { partition: "aws" as const, region: region ?? "", account: account ?? "" },
      stack: "shop",
      cluster: "shop",
      contract: { parameter: null, object: null },
      bucket,
      dags: [],
      plainDags: [],
      published: locations.map(dagsPrefix),
      services: [],
      families: [],
      repositories: [],
      roles: [],
      logGroups: [],
    };
    const policy = parsePolicy(JSON.stringify(policyFor(names, { commands: ["sync-dags"], asked: [] })));
    const called = bed.calls.filter(({ caller, service }) => caller === "dags" && service === "s3");
    const asked = called.map(({ operation, resource }) => ({
      action: actionOf("s3", operation),
      resource: `arn:aws:s3:::${resource}`,
    }));
    // What is listed is below a prefix, which no record of a call has.
    const listed = names.published.map((prefix) => ({
      action: "s3:ListBucket",
      resource: `arn:aws:s3:::${bucket.name}`,
      context: { "s3:prefix": `${prefix}versions/` },
    }));
    const denied = [...asked.filter(({ action }) => action !== "s3:ListBucket"), ...listed].filter(
      (one) => allowedBy(policy, one) === null,
    );
    expect(called.length).toBeGreaterThan(50);
    expect(denied).toEqual([]);
  });
});
