import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  GetAuthorizationTokenCommand,
} from "@aws-sdk/client-ecr";
import { type EcrSend, ecr } from "../../../src/aws/ecr.ts";
import type { Context } from "../../../src/domain/context.ts";
import { manifestTypes } from "../../../src/images/manifest.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { startMinistack } from "../../local-aws/backing/ministack.ts";
import { findProgram, openProcesses, type Processes } from "../../local-aws/backing/processes.ts";
import { startServer } from "../../local-aws/backing/server.ts";
import type { Direct } from "./fixtures.ts";
import { type Fault, type FaultProxy, type Seen, startFaultProxy } from "./fault-proxy.ts";

/** A registry of the test, behind a proxy that counts and breaks. */
export interface TestRegistry {
  readonly proxy: FaultProxy;
  /** Straight to the registry, past the proxy and the product. */
  letIn(): Promise<Direct>;
  /** What the product is given in the place of ECR's API: proxyEndpoint is the proxy. */
  ecr(context: Context): EcrSend;
  createRepository(name: string): Promise<void>;
  /** Tags immutable, scanned on push? Null where there is no API to ask. */
  settingsOf(repository: string): Promise<unknown>;
  /** From now on only another password is taken. No-op where any password is. */
  expireTokens(): Promise<void>;
  close(): Promise<void>;
}

/** Strict about the protocol, knows neither ECR's API nor immutable tags: those are played by the proxy. */
export const dockerRegistryProgram = findProgram("docker-registry", process.env["PATH"] ?? "");

/** A new process with nothing in it. @throws Error when it does not start. */
export async function startDockerRegistry(): Promise<TestRegistry> {
  if (dockerRegistryProgram === null) throw new Error("docker-registry is not installed");
  const folder = await mkdtemp(join(tmpdir(), "docker-registry-"));
  const processes = await openProcesses(folder);
  const host = `${processes.block}.10.2`;
  const direct = `http://${host}:5000`;
  const passwords = join(folder, "passwords");
  await writeFile(passwords, entries[0].line);
  await writeFile(join(folder, "config.yml"), configOf(`${host}:5000`, passwords));
  await startServer(processes, {
    name: "docker-registry",
    program: dockerRegistryProgram,
    args: ["serve", join(folder, "config.yml")],
    folder,
    environment: { OTEL_TRACES_EXPORTER: "none" },
    ready: async (signal) => (await fetch(`${direct}/v2/`, { signal })).status === 401,
    stopSignal: "SIGTERM",
  });
  const repositories = new Set<string>();
  const proxy = await startFaultProxy(direct, (request) => asEcr(direct, repositories, request));
  let entry: (typeof entries)[number] = entries[0];
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof GetAuthorizationTokenCommand) {
      const authorizationToken = Buffer.from(`AWS:${entry.password}`).toString("base64");
      return { authorizationData: [{ authorizationToken, proxyEndpoint: proxy.url }] };
    }
    if (command instanceof CreateRepositoryCommand) return void repositories.add(command.input.repositoryName ?? "");
    throw new Error("docker-registry has no such call");
  };
  return {
    proxy,
    letIn: async () => ({ url: direct, authorization: basic(entry.password) }),
    ecr: () => send as EcrSend,
    createRepository: async (name) => void repositories.add(name),
    settingsOf: async () => null,
    expireTokens: async () => {
      entry = entries[1];
      await writeFile(passwords, entry.line);
      await utimes(passwords, new Date(), new Date(Date.now() + 5_000)); // it reads the file anew when its time differs
    },
    close: () => closeAll(proxy, processes, folder),
  };
}

/** ECR's API and immutable tags, lenient about the protocol and about passwords. */
export async function startMinistackRegistry(): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "ministack-"));
  const processes = await openProcesses(folder);
  const server = await startMinistack({
    processes,
    python: await machinePython(),
    host: `${processes.block}.10.1`,
    folder,
    account: "123456789012",
    region: "eu-west-1",
  });
  const direct = `http://${server.host}:${server.port}`;
  const proxy = await startFaultProxy(direct);
  const open = (context: Context): EcrSend => {
    process.env["AWS_ENDPOINT_URL"] = direct;
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return ecr(context, { region: "eu-west-1", credentials });
  };
  const quiet: Context = {
    clock: { now: () => Date.now(), sleep: async () => undefined },
    signal: new AbortController().signal,
    report: () => undefined,
  };
  return {
    proxy,
    letIn: async () => ({ url: direct, authorization: basic("any") }),
    ecr: (context) => withEndpoint(open(context), proxy.url),
    createRepository: async (repositoryName) => {
      await open(quiet)(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
    },
    settingsOf: async (repository) => {
      const { repositories } = await open(quiet)(new DescribeRepositoriesCommand({ repositoryNames: [repository] }));
      const [found] = repositories ?? [];
      return { immutable: found?.imageTagMutability, scanned: found?.imageScanningConfiguration?.scanOnPush };
    },
    expireTokens: async () => undefined,
    close: () => closeAll(proxy, processes, folder),
  };
}

function basic(password: string): string {
  return `Basic ${Buffer.from(`AWS:${password}`).toString("base64")}`;
}

const entries = [
  { password: "first-password", line: "AWS:$2y$04$hg96l2FNjk/ZGK27B1ihJurrVZsIRzpp606H6v9dJFxl33tGQeU8C\n" },
  { password: "second-password", line: "AWS:$2y$04$aQBO7bHiS1Zl4nPczUxMaOaaGsUvyrBvWfK19cvCAYQ6qI.vLKCae\n" },
] as const;

function configOf(address: string, passwords: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: "warn" },
    storage: { inmemory: {} },
    http: { addr: address },
    auth: { htpasswd: { realm: "test", path: passwords } },
  });
}

/** As the gateway of the bed does it: the registry's address is the proxy's. */
function withEndpoint(send: EcrSend, endpoint: string): EcrSend {
  const through = async (command: never, options: never): Promise<unknown> => {
    const output = await send(command, options);
    if ("authorizationData" in output) {
      for (const data of output.authorizationData ?? []) data.proxyEndpoint = endpoint;
    }
    return output;
  };
  return through as EcrSend;
}

async function closeAll(proxy: FaultProxy, processes: Processes, folder: string): Promise<void> {
  await proxy.close();
  await processes.close();
  await rm(folder, { recursive: true, force: true });
}

/** What ECR does and docker-registry does not: repositories are made before they are pushed to, and tags never move. */
async function asEcr(direct: string, repositories: ReadonlySet<string>, request: Seen): Promise<Fault | null> {
  if (request.url === "/v2/") return null; // a login
  const [, repository = "", tag] = /^\/v2\/(.+?)\/(?:manifests\/([^:]+)$|manifests\/|blobs\/)/.exec(request.url) ?? [];
  if (!repositories.has(repository))
    return refuse(404, "NAME_UNKNOWN", `The repository '${repository}' does not exist.`);
  if (request.method !== "PUT" || tag === undefined || tag.startsWith("cache")) return null;
  const headers = { authorization: request.authorization ?? "", accept: manifestTypes.join(", ") };
  const look = () => fetch(`${direct}${request.url}`, { method: "HEAD", headers });
  // Of two at once the first one gets the tag: the second waits until it shows.
  const isSecond = onTheirWay.has(direct + request.url);
  onTheirWay.add(direct + request.url);
  let there = await look();
  for (let tries = 0; isSecond && there.status !== 200 && tries < 20; tries += 1) {
    await new Promise((wake) => setTimeout(wake, 50));
    there = await look();
  }
  const words = `The image tag '${tag}' already exists in the '${repository}' repository and cannot be overwritten because the tag is immutable.`;
  return there.status === 200 ? refuse(400, "TAG_INVALID", words) : null;
}

/** Tags that somebody has put, or is about to. */
const onTheirWay = new Set<string>();

function refuse(status: number, code: string, message: string): Fault {
  return { kind: "answer", status, body: JSON.stringify({ errors: [{ code, message }] }) };
}

/** Both registries, as rows of a table. One that is not here is skipped, and says so. */
export const registries: readonly (readonly [name: string, start: (() => Promise<TestRegistry>) | null])[] = [
  ["ministack", startMinistackRegistry],
  ["docker-registry", dockerRegistryProgram === null ? null : startDockerRegistry],
];

/** Runs the tests on each registry. */
export function onEachRegistry(title: string, tests: (start: () => Promise<TestRegistry>) => void): void {
  for (const [name, start] of registries) {
    if (start !== null) describe(`${title}, on ${name}`, () => tests(start));
    else {
      const reason = `not run: ${title}, on ${name}: it is not installed (apt-get install ${name})`;
      process.stderr.write(`${reason}\n`);
      test.skip(reason, () => undefined);
    }
  }
}
