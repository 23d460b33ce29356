import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type ContainerDefinition,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
} from "@aws-sdk/client-ecs";
import { ecs } from "../../../src/aws/ecs.ts";
import { logs } from "../../../src/aws/logs.ts";
import { linker, s3 } from "../../../src/aws/s3.ts";
import { ssm } from "../../../src/aws/ssm.ts";
import { dagster, dagsterOver, type Login } from "../../../src/dagster/client.ts";
import { daemonHealth, locations } from "../../../src/dagster/documents.ts";
import type { Context } from "../../../src/domain/context.ts";
import { canaryGate } from "../../../src/gates/canary.ts";
import { documentedFor, documentedWith, neededBy } from "../../contract/actions/documented-permissions.ts";
import { locationGate } from "../../../src/gates/location.ts";
import { type Probe, probe } from "../../../src/gates/probe.ts";
import { askerDefinition, type AskerLogin, type Like } from "../../../src/gates/probe/definition.ts";
import { type EachWebserver, webserverGate } from "../../../src/gates/webserver.ts";
import { basicLogin, loginOf } from "../../../src/releases/login.ts";
import { registerDefinition } from "../../../src/task-definitions/register.ts";
import { imageUri } from "../process-runtime/definitions.ts";
import { deployAll, type Stack, startStack } from "../process-runtime/stack.ts";

/** A real Dagster that is asked by a task beside it, whose answers come through its log. */
let stack: Stack;
let digest: string;
let context: Context;
let settings: { readonly region: string; readonly credentials: { accessKeyId: string; secretAccessKey: string } };
let clients: Parameters<typeof probe>[0];
const said: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  digest = await deployAll(stack, { release: "first" });
  const { bed } = stack;
  process.env["AWS_ENDPOINT_URL"] = bed.url;
  context = {
    clock: {
      now: () => Date.now(),
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    },
    signal: new AbortController().signal,
    report: (progress) => {
      if (progress.kind === "line") said.push(progress.text);
      if (progress.kind === "foreign") said.push(`${progress.from}: ${progress.text.untrusted}`);
    },
  };
  settings = { region: bed.region, credentials: { accessKeyId: "deployer", secretAccessKey: "secret" } };
  clients = {
    ecs: ecs(context, settings),
    logs: logs(context, settings),
    s3: s3(context, settings),
    link: linker(settings),
  };
});

afterAll(async () => {
  delete process.env["AWS_ENDPOINT_URL"];
  await stack.bed.close();
});

const probeTasks = (): number => stack.bed.calls.filter(({ operation }) => operation === "RunTask").length;

/** Each task of the webserver, as ECS knows them, asked by the task. */
function each(way: Probe): EachWebserver {
  const { cluster } = stack.infrastructure.contract;
  return {
    isInside: true,
    isRequired: true,
    place: { file: "dagster-stack.yml", line: 1, column: 1 },
    at: (url) => dagsterOver(way.at(url)),
    urls: async () => {
      const { taskArns = [] } = await stack.ecs.send(
        new ListTasksCommand({ cluster, serviceName: `${cluster}-webserver` }),
      );
      const { tasks = [] } = await stack.ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
      return tasks.map(({ attachments = [] }) => {
        const details = attachments.flatMap((attachment) => attachment.details ?? []);
        return `http://${details.find(({ name }) => name === "privateIPv4Address")?.value ?? ""}:3000`;
      });
    },
  };
}

/** @param like changes to the webserver's own definition, which the task is made of @param login what it is let in with */
async function open(
  url: string,
  like: (container: ContainerDefinition) => ContainerDefinition = (container) => container,
  login: AskerLogin | null = null,
): Promise<Probe> {
  const { cluster, bucket, "log-group": group = "" } = stack.infrastructure.contract;
  const { taskDefinition: running, networkConfiguration } = await stack.service("webserver");
  const { subnets = [], securityGroups = [] } = networkConfiguration?.awsvpcConfiguration ?? {};
  const described = await stack.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: running }));
  const content = JSON.parse(JSON.stringify(described.taskDefinition)) as Like["content"];
  const [webserver] = described.taskDefinition?.containerDefinitions ?? [];
  const container = JSON.parse(JSON.stringify(like(webserver ?? {}))) as Like["container"];
  const family = "deal-flow-once-asker";
  const { arn: taskDefinition } = await registerDefinition(
    clients.ecs,
    family,
    askerDefinition(family, { content, container }, login),
    {},
  );
  return probe(clients, context, {
    url,
    login: login === null ? null : { kind: login.kind, from: "secret deal-flow/gates" },
    task: () =>
      Promise.resolve({
        letter: { bucket: bucket.name, key: `${bucket.prefix}probe.json` },
        task: {
          cluster,
          taskDefinition,
          container: "webserver",
          network: { subnets, securityGroups, publicAddress: false },
          tags: {},
        },
        log: { group, prefix: "deal-flow-webserver" },
      }),
  });
}

test("one task asks all gates of a release; what they find is what the runner would; and it is gone at the end", async () => {
  const { webserver, infrastructure, bed } = stack;
  const { address, port } = infrastructure.contract.services["webserver"] ?? {};
  const since = bed.calls.length;
  const way = await open(`http://${address}:${port}`);
  const asked = dagsterOver(way);
  const before = probeTasks();

  const found = await webserverGate(asked, context, {
    service: "webserver",
    each: each(way),
    version: null,
    timeoutSeconds: 60,
  });
  expect(found).toMatchObject({
    cause: null,
    seen: expect.stringMatching(/^Dagster 1\.\S+; its task answers by itself$/) as string,
  });
  const gate = await locationGate(asked, context, {
    location: "deal_flow",
    image: imageUri(infrastructure, digest),
    nameTtlSeconds: 1,
    timeoutSeconds: 60,
  });
  expect(gate).toMatchObject({ cause: null });
  const straight = dagster({ url: webserver, login: null }, context);
  expect(await asked.ask(locations)).toEqual(await straight.ask(locations));
  // At once: each answer finds its question.
  const [health, info] = await Promise.all([asked.ask(daemonHealth), asked.serverInfo()]);
  expect(health.instance.daemonHealth.allDaemonStatuses.length).toBeGreaterThan(0);
  expect(info).toEqual(await straight.serverInfo());
  expect(probeTasks()).toBe(before + 1);
  const documented = [...documentedFor("deploy-service"), ...documentedWith("With [`gates: { reach: task }`]")];
  expect(documented).toEqual(expect.arrayContaining([...neededBy(bed.calls.slice(since), "deployer")]));

  const run = await canaryGate(asked, clients, context, {
    location: "deal_flow",
    target: { kind: "asset", key: "raw/deals" },
    partition: { kind: "latest" },
    config: null,
    logs: false,
    computeLogs: null,
    cluster: infrastructure.contract.cluster,
    image: imageUri(infrastructure, digest),
    holders: [],
    tags: { "dagster-ecs/release": "probed" },
    timeoutSeconds: 90,
  });
  expect(run).toMatchObject({ cause: null });
  expect(run.seen).toMatch(/SUCCESS/);

  await way.close();
  await expect(asked.serverInfo()).resolves.toEqual(info); // whoever asks again is answered by another task
  await way.close();
  expect(said.filter((line) => line.startsWith("asking Dagster from inside the VPC: task "))).toHaveLength(2);
  expect(neededBy(bed.calls.slice(since), "deployer")).toEqual(
    expect.arrayContaining(["ecs:RegisterTaskDefinition", "ecs:StopTask"]),
  );
  // Nothing of what travels through the log is shown.
  expect(said.join("\n")).not.toContain("dagster-ecs-probe-");
});

describe("with a login in front of Dagster", () => {
  let server: Server;
  let front: string;
  const secret = { username: "gates", password: "open sesame" };
  beforeAll(async () => {
    await fetch(stack.bed.url, {
      method: "POST",
      headers: { "x-amz-target": "secretsmanager.CreateSecret", "content-type": "application/x-amz-json-1.1" },
      body: JSON.stringify({ Name: "deal-flow/gates", SecretString: JSON.stringify(secret) }),
    });
    const wanted = `Basic ${Buffer.from("gates:open sesame").toString("base64")}`;
    server = createServer((request, response) => {
      if (request.headers.authorization !== wanted) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="dagster"', "content-type": "text/html" });
        return void response.end("<html>401</html>");
      }
      const { method, headers } = request;
      const onward = httpRequest(`${stack.webserver}${request.url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    // Not 127.0.0.1: for a task that is itself.
    await new Promise<void>((listening) => server.listen(0, "127.9.9.9", listening));
    front = `http://127.9.9.9:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const gate = (login: Login | null) =>
    webserverGate(dagster({ url: front, login }, context), context, {
      service: "webserver",
      each: null,
      version: null,
      timeoutSeconds: 5,
    });
  const loginWith = (name: string): Login =>
    basicLogin({ ssm: ssm(context, settings) }, context, { secret: name, place });
  const place = { file: "dagster-stack.yml", line: 1, column: 1 };

  test("the gates pass with user and password of the secret", async () => {
    const since = stack.bed.calls.length;
    expect(await gate(loginWith("deal-flow/gates"))).toMatchObject({ cause: null });
    const documented = documentedWith("With `gates: auth`");
    expect(documented).toEqual(expect.arrayContaining([...neededBy(stack.bed.calls.slice(since), "deployer")]));
    expect(neededBy(stack.bed.calls.slice(since), "deployer")).toEqual(["ssm:GetParameter"]);
  });

  test("a task is given them by ECS, and sends them there alone; an entry point of the webserver's does not stand before it", async () => {
    const since = stack.bed.calls.length;
    const { region, account } = stack.bed;
    const secret = `arn:aws:secretsmanager:${region}:${account}:secret:deal-flow/gates`;
    const way = await open(front, (container) => ({ ...container, entryPoint: ["/bin/false"] }), {
      kind: "basic",
      secret,
    });
    const asked = webserverGate(dagsterOver(way), context, {
      service: "webserver",
      each: null,
      version: null,
      timeoutSeconds: 60,
    });
    expect(await asked).toMatchObject({ cause: null });
    const heard: (string | undefined)[] = [];
    const elsewhere = createServer(({ headers }, response) => {
      heard.push(headers.authorization);
      response.end("{}");
    });
    await new Promise<void>((listening) => elsewhere.listen(0, "127.9.9.9", listening));
    await dagsterOver(way.at(`http://127.9.9.9:${(elsewhere.address() as AddressInfo).port}`)).serverInfo();
    elsewhere.close();
    expect(heard).toEqual([undefined]);
    await way.close();
    expect(neededBy(stack.bed.calls.slice(since), "deployer")).not.toContain("ssm:GetParameter");
    expect(JSON.stringify(stack.bed.calls.slice(since))).not.toContain("open sesame");
    const plain = await open(front);
    await expect(dagsterOver(plain).serverInfo()).rejects.toThrow("A login answers in front of Dagster");
    await plain.close();
  });

  test("headers are sent in their place, by the runner and by a task, which has them from ECS", async () => {
    const basic = `Basic ${Buffer.from("gates:open sesame").toString("base64")}`;
    await fetch(stack.bed.url, {
      method: "POST",
      headers: { "x-amz-target": "secretsmanager.CreateSecret", "content-type": "application/x-amz-json-1.1" },
      body: JSON.stringify({ Name: "deal-flow/access", SecretString: JSON.stringify({ token: basic }) }),
    });
    const { region, account } = stack.bed;
    const token = { kind: "secret", name: "deal-flow/access", key: "token" } as const;
    const login = loginOf({ ssm: ssm(context, settings) }, context, {
      kind: "headers",
      place,
      headers: { Authorization: token },
    });
    expect(await gate(login)).toMatchObject({ cause: null });
    const valueFrom = `arn:aws:secretsmanager:${region}:${account}:secret:deal-flow/access:token::`;
    const way = await open(front, undefined, { kind: "headers", headers: { Authorization: valueFrom } });
    expect(
      await webserverGate(dagsterOver(way), context, {
        service: "webserver",
        each: null,
        version: null,
        timeoutSeconds: 60,
      }),
    ).toMatchObject({ cause: null });
    await way.close();
    const wrong = { ...login, headers: () => Promise.resolve({ Authorization: "Bearer x" }) };
    await expect(gate(wrong)).rejects.toThrow(/does not accept the headers Authorization: HTTP 401/);
  });

  test("without them, with wrong ones, and with a secret that is not there, it is said what to do", async () => {
    await expect(gate(null)).rejects.toThrow(
      /A login answers in front of Dagster at 127.9.9.9:\d+: it answers HTTP 401/,
    );
    await expect(gate(null)).rejects.toThrow("gates: { auth: { basic: secret:<name> } }");
    const wrong = {
      kind: "basic",
      from: "secret x",
      headers: () => Promise.resolve({ authorization: "Basic eDp5" }),
    } as const;
    await expect(gate(wrong)).rejects.toThrow("does not accept the user and the password of secret x");
    await expect(gate(loginWith("deal-flow/none"))).rejects.toThrow("secret deal-flow/none");
  });
});
