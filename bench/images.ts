import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type Builder, startBuilder, whyNoBuilder } from "../test/builder.ts";
import { type GitCheckout, newCheckout as openCheckout } from "../test/checkout.ts";
import { type SmallStack, stackFile, startSmallStack } from "../test/contract/actions/small-stack.ts";
import { pushBase } from "../test/contract/images/fixtures.ts";
import { machinePython } from "../test/local-aws/backing/machine-python.ts";
import { findProgram, openProcesses, type Processes } from "../test/local-aws/backing/processes.ts";
import { startServer } from "../test/local-aws/backing/server.ts";
import { runStep } from "../test/runner/run-step.ts";
import { baseTree } from "./images/base-tree.ts";
import { openEcrApi } from "./images/ecr.ts";
import { openWire, type Wire } from "./images/wire.ts";
import { median, type Row, row } from "./rows.ts";
import { freePort } from "../test/loopback.ts";

/** One image, made by ours and by Docker: the same base, the same packages, the same code, one registry. */
export async function measure(runs: number): Promise<readonly Row[]> {
  const why = whyNot();
  if (why !== null) {
    console.error(`not measured: ${why}`);
    return [];
  }
  const scene = await openScene();
  try {
    const rounds = Math.min(runs, 5);
    return [
      ...(await codeRows(scene, 50, rounds)),
      ...(await codeRows(scene, 2000, rounds)),
      ...(await unchangedRows(scene, rounds)),
      ...(await lockRows(scene, Math.ceil(rounds / 3))),
    ];
  } finally {
    await scene.close();
  }
}

const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

function whyNot(): string | null {
  const missing = ["docker-registry", "dockerd"].filter((program) => findProgram(program, path) === null);
  if (missing.length > 0) return `${missing.join(", ")} missing (Debian packages docker-registry, docker.io)`;
  // Two engines in one network take the bridge away from each other.
  if (existsSync("/sys/class/net/docker0"))
    return "an engine runs here already, and the peer needs one with nothing in it";
  return whyNoBuilder();
}

interface Scene {
  readonly folder: string;
  readonly wire: Wire;
  readonly engine: { readonly socket: string; stop(): Promise<void> };
  /** AWS but for its registry, with the stack whose image it is. */
  readonly small: SmallStack;
  readonly ecr: { readonly url: string; close(): Promise<void> };
  /** A BuildKit that stays, with what it has built; its `docker` has the engine's own builder, too. */
  readonly builder: Builder;
  readonly closing: (() => Promise<void>)[];
  close(): Promise<void>;
}

interface Taken {
  readonly seconds: number;
  readonly bytes: number;
}

interface Ours extends Taken {
  /** An image was made, or named. */
  readonly changed: boolean;
  /** To the registry, but for those about the base. */
  readonly requests: number;
  readonly maxMebibytes: number;
}

async function openScene(): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "bench-images-"));
  const processes = await openProcesses(folder);
  const wire = await openRegistryBehindWire(processes, folder);
  const ecr = await openEcrApi(wire.host);
  const small = await startSmallStack();
  const engine = await startEngine(processes, folder);
  const builder = await startBuilder();
  const python = await machinePython();
  const tree = join(folder, "tree");
  await baseTree(tree, python);
  const environment = [
    "PATH=/usr/local/bin:/bin",
    "LD_LIBRARY_PATH=/usr/local/lib",
    `PYTHON_VERSION=${python.version}`,
  ];
  await pushBase(directTo(wire), "base", "amd64", { folder: tree, environment });
  const closing: Scene["closing"] = [];
  return {
    folder,
    wire,
    engine,
    small,
    ecr,
    builder,
    closing,
    close: async () => {
      for (const close of closing) await close();
      await small.bed.close();
      await ecr.close();
      await builder.close();
      await engine.stop(); // by itself, so that it takes back what it has mounted
      await wire.close();
      await processes.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openRegistryBehindWire(processes: Processes, folder: string): Promise<Wire> {
  const port = await freePort();
  const config = join(folder, "registry.json");
  const storage = { filesystem: { rootdirectory: join(folder, "registry") }, delete: { enabled: true } };
  await writeFile(
    config,
    JSON.stringify({ version: 0.1, log: { level: "error" }, storage, http: { addr: `127.0.0.1:${port}` } }),
  );
  await startServer(processes, {
    name: "docker-registry",
    program: "docker-registry",
    args: ["serve", config],
    folder,
    environment: { PATH: path, OTEL_TRACES_EXPORTER: "none" },
    ready: async (signal) => (await fetch(`http://127.0.0.1:${port}/v2/`, { signal })).status === 200,
    stopSignal: "SIGTERM",
  });
  return openWire({ host: "127.0.0.1", port });
}

/** Without a network of its own for containers: it only pulls, copies and pushes. */
async function startEngine(processes: Processes, folder: string): Promise<Scene["engine"]> {
  const socket = join(folder, "docker.sock");
  const own = [
    "--data-root",
    join(folder, "engine"),
    "--exec-root",
    join(folder, "exec"),
    "--pidfile",
    join(folder, "pid"),
  ];
  const server = await startServer(processes, {
    name: "dockerd",
    program: findProgram("dockerd", path) ?? "dockerd",
    args: [...own, "--host", `unix://${socket}`, "--bridge", "none", "--iptables=false"],
    folder,
    environment: { PATH: path, HOME: folder, TMPDIR: tmpdir() },
    ready: async () => {
      await promisify(execFile)("docker", ["--host", `unix://${socket}`, "version"]);
      return true;
    },
    stopSignal: "SIGTERM",
  });
  return { socket, stop: () => server.stop() };
}

// What is measured

async function codeRows(scene: Scene, count: number, rounds: number): Promise<readonly Row[]> {
  const { wire, builder } = scene;
  const checkout = await newCheckout(scene, count);
  await ours(scene, checkout); // base and packages are there from now on
  await checkout.write(
    "Dockerfile",
    `FROM ${wire.host}/${repository}:${await dependenciesTag(wire)}\nCOPY app /app/app\n`,
  );
  const taken = {
    ours: [] as Ours[],
    freshEngine: [] as Taken[],
    freshBuildKit: [] as Taken[],
    engine: [] as Taken[],
    buildKit: [] as Taken[],
  };
  const size = await gzipped(checkout.folder);
  for (let round = 1; round <= rounds; round += 1) {
    await checkout.change();
    const mine = await ours(scene, checkout);
    if (!mine.changed) throw new Error("a change of code made no image");
    taken.ours.push(mine);
    await forget(scene);
    taken.freshEngine.push(await onEngine(scene, checkout.folder));
    await checkout.change();
    taken.engine.push(await onEngine(scene, checkout.folder)); // it has base and packages from a moment ago
    const fresh = await startBuilder();
    try {
      taken.freshBuildKit.push(await onBuildKit(scene, fresh, checkout.folder));
    } finally {
      await fresh.close();
    }
    if (round === 1) await onBuildKit(scene, builder, checkout.folder);
    await checkout.change();
    taken.buildKit.push(await onBuildKit(scene, builder, checkout.folder));
  }
  const of = (all: readonly Taken[], what: "seconds" | "bytes"): number => median(all.map((one) => one[what]));
  const best = (what: "seconds" | "bytes", engine: readonly Taken[], buildKit: readonly Taken[]): Peer =>
    bestOf([
      { name: "docker 20.10 build and push", value: of(engine, what) },
      { name: buildKitName, value: of(buildKit, what) },
    ]);
  const mine = (what: "seconds" | "bytes"): number => of(taken.ours, what);
  const goal = count === 50 ? "1/20" : "1/15";
  return [
    row(
      `code ${count} files, fresh, goal ${goal}`,
      "s",
      mine("seconds"),
      best("seconds", taken.freshEngine, taken.freshBuildKit),
    ),
    row(`code ${count} files, warm, goal 1/1.3`, "s", mine("seconds"), best("seconds", taken.engine, taken.buildKit)),
    row(
      `code ${count} files, on the wire, fresh`,
      "kB",
      mine("bytes") / 1000,
      scaled(best("bytes", taken.freshEngine, taken.freshBuildKit), 1000),
    ),
    row(
      `code ${count} files, on the wire beside the ${Math.round(size / 1000)} kB of code, goal 20`,
      "kB",
      (mine("bytes") - size) / 1000,
      null,
    ),
    row(
      `code ${count} files, memory of the whole process, goal 200`,
      "MiB",
      Math.max(...taken.ours.map((one) => one.maxMebibytes)),
      null,
    ),
  ];
}

async function unchangedRows(scene: Scene, rounds: number): Promise<readonly Row[]> {
  const checkout = await newCheckout(scene, 50);
  const deps = await dependenciesTag(scene.wire);
  await checkout.write("Dockerfile", `FROM ${scene.wire.host}/${repository}:${deps}\nCOPY app /app/app\n`);
  checkout.commit("What the peers build");
  await ours(scene, checkout);
  await onEngine(scene, checkout.folder);
  await onBuildKit(scene, scene.builder, checkout.folder);
  const mine: Ours[] = [];
  const engine: Taken[] = [];
  const buildKit: Taken[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const again = await ours(scene, checkout);
    if (again.changed) throw new Error("an image was made of what has not changed");
    mine.push(again);
    engine.push(await onEngine(scene, checkout.folder));
    buildKit.push(await onBuildKit(scene, scene.builder, checkout.folder));
  }
  const of = (all: readonly Taken[]): number => median(all.map(({ seconds }) => seconds));
  const warm = [
    { name: "docker 20.10 build and push, warm", value: of(engine) },
    { name: `${buildKitName}, warm`, value: of(buildKit) },
  ];
  return [
    row("unchanged, goal 0.3", "s", of(mine), bestOf(warm)),
    row("unchanged, requests for the image, goal 3", "requests", median(mine.map(({ requests }) => requests)), null),
  ];
}

async function lockRows(scene: Scene, rounds: number): Promise<readonly Row[]> {
  const [checkout, onArm] = [await newCheckout(scene, 50), await newCheckout(scene, 50, "arm64")];
  const lock = await readFile("examples/deal-flow/requirements.lock", "utf8");
  await checkout.write("Dockerfile", dockerfile(scene.wire.host));
  const mine: Ours[] = [];
  const arm: Ours[] = [];
  const peer: Taken[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    // The same packages, and another file: whoever installs them does not know that before.
    for (const one of [checkout, onArm]) {
      await one.write("requirements.lock", `# ${randomBytes(8).toString("hex")}\n${lock}`);
      one.commit("Another lock file");
    }
    mine.push(await ours(scene, checkout, nothingFetched));
    arm.push(await ours(scene, onArm, nothingFetched));
    peer.push(await onBuildKit(scene, scene.builder, checkout.folder, pipSecrets()));
  }
  const of = (all: readonly Taken[]): number => median(all.map(({ seconds }) => seconds));
  const memory = Math.max(...[...mine, ...arm].map(({ maxMebibytes }) => maxMebibytes));
  return [
    row("lock change, 64 packages", "s", of(mine), { name: `${buildKitName}, base there`, value: of(peer) }),
    row("lock change arm64, on x86", "s", of(arm), null),
    row("lock change, memory of the whole process, goal 200", "MiB", memory, null),
  ];
}

/** As in a build: what pip has fetched for another image is not there. */
const nothingFetched = { PIP_NO_CACHE_DIR: "1" };

interface Peer {
  readonly name: string;
  readonly value: number;
}

function bestOf(peers: readonly Peer[]): Peer {
  const [best] = [...peers].sort((a, b) => a.value - b.value);
  if (best === undefined) throw new Error("there is no peer");
  return best;
}

function scaled({ name, value }: Peer, by: number): Peer {
  return { name, value: value / by };
}

const buildKitName = "buildx 0.37.2 with BuildKit 0.33.1";

/** One for all: base and packages are put together once. */
const repository = "app";

// Who measures

interface Checkout extends GitCheckout {
  /** Changes one file, and commits it. */
  change(): Promise<void>;
}

async function newCheckout(
  { wire, closing }: Scene,
  count: number,
  kind: "amd64" | "arm64" = "amd64",
): Promise<Checkout> {
  const modules = Array.from(
    { length: count },
    (_, index) => [`app/package${index % 20}/module${index}.py`, moduleText(index)] as const,
  );
  const checkout = await openCheckout({
    ...Object.fromEntries(modules),
    "dagster-stack.yml": stackOf(kind),
    "dagster.yaml": "telemetry: { enabled: false }\n",
    "workspace.yaml": "load_from: []\n",
    "requirements.lock": await readFile("examples/deal-flow/requirements.lock", "utf8"),
  });
  closing.push(() => checkout.remove());
  if (kind === "arm64") {
    const environment = [`PYTHON_VERSION=${(await machinePython()).version}`, "PATH=/usr/local/bin:/bin"];
    await pushBase(directTo(wire), "base", kind, { architecture: kind, environment });
  }
  return {
    ...checkout,
    change: async () => {
      await checkout.write("app/package0/module0.py", `VERSION = "${randomBytes(16).toString("hex")}"\n`);
      checkout.commit("Another version");
    },
  };
}

const stackOf = (kind: "amd64" | "arm64"): string =>
  stackFile((text) =>
    text
      .replace("repository: small\n", `repository: ${repository}\n`)
      .replace("linux/amd64", `linux/${kind}`)
      .replace("base: small/base:python", `base: base:${kind}\n      requirements: requirements.lock`),
  );

/** Past all of them. */
function directTo({ host }: Wire): Parameters<typeof pushBase>[0] {
  return { url: `http://${host}`, authorization: "" };
}

/** About 3 kB, as unlike its neighbours as modules are. */
function moduleText(index: number): string {
  const lines = Array.from({ length: 40 }, (_, line) => {
    const word = randomBytes(6).toString("hex");
    return `def function_${index}_${line}(value):\n    return value + ${line} if "${word}" else None\n`;
  });
  return lines.join("\n");
}

/** The action build-push-image, as a runner starts it: Node's start, the stack's records and its services are in it. */
async function ours(
  { folder, wire, small, ecr }: Scene,
  checkout: Checkout,
  pip: Readonly<Record<string, string>> = {},
): Promise<Ours> {
  const usage = join(folder, "usage.json");
  const preload = pathToFileURL(join(import.meta.dirname, "process-usage.mjs")).href;
  runs += 1;
  const [bytes, requests] = [wire.bytes(), wire.requests().length];
  const { exitCode, outputs, log, seconds } = await runStep(
    {
      workspace: checkout.folder,
      repository: "owner/small",
      runId: runs,
      environment: {
        ...small.bed.environment("deploy"),
        AWS_ENDPOINT_URL_ECR: ecr.url,
        NODE_OPTIONS: `--import ${preload}`,
        BENCH_USAGE: usage,
        ...pip,
      },
    },
    { action: "actions/build-push-image" },
  );
  if (exitCode !== 0) throw new Error(`build-push-image ended with ${exitCode}:\n${log.slice(-20).join("\n")}`);
  const used = JSON.parse(await readFile(usage, "utf8")) as Pick<Ours, "maxMebibytes">;
  const ofImage = wire
    .requests()
    .slice(requests)
    .filter((request) => !request.includes(" /v2/base/"));
  return {
    ...used,
    seconds,
    changed: outputs["changed"] === "true",
    requests: ofImage.length,
    bytes: wire.bytes() - bytes,
  };
}

let runs = 0;

/** Builds with the engine's own builder and pushes, as two programs. */
async function onEngine({ engine, wire, builder }: Scene, folder: string): Promise<Taken> {
  const tag = `${wire.host}/${repository}:docker`;
  const environment = { ...builder.environment, DOCKER_HOST: `unix://${engine.socket}` };
  const before = wire.bytes();
  const since = performance.now();
  await docker(environment, ["buildx", "build", "--builder", "default", "--quiet", "--load", "--tag", tag, folder]);
  await docker(environment, ["push", "--quiet", tag]);
  return { seconds: (performance.now() - since) / 1000, bytes: wire.bytes() - before };
}

async function onBuildKit(
  { wire }: Scene,
  { environment }: Builder,
  folder: string,
  more: readonly string[] = [],
): Promise<Taken> {
  const tag = `${wire.host}/${repository}:buildkit`;
  const cache = `type=registry,ref=${wire.host}/${repository}:cache`;
  const before = wire.bytes();
  const since = performance.now();
  await docker(environment, [
    "buildx",
    "build",
    "--quiet",
    "--push",
    "--provenance=false",
    "--tag",
    tag,
    ...more,
    "--cache-from",
    cache,
    "--cache-to",
    `${cache},mode=max`,
    folder,
  ]);
  return { seconds: (performance.now() - since) / 1000, bytes: wire.bytes() - before };
}

/** The engine has nothing any more: as a new runner has it. */
async function forget({ engine, builder }: Scene): Promise<void> {
  const environment = { ...builder.environment, DOCKER_HOST: `unix://${engine.socket}` };
  await docker(environment, ["buildx", "prune", "--builder", "default", "--all", "--force"]);
  await docker(environment, ["system", "prune", "--all", "--force"]);
}

function docker(environment: Readonly<Record<string, string>>, args: readonly string[]): Promise<void> {
  const child = spawn("docker", args, { env: { ...process.env, ...environment }, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => (said = `${said}${String(chunk)}`.slice(-4000)));
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) =>
      code === 0 ? done() : fail(new Error(`docker ${args.join(" ")}: ${code}\n${said}`)),
    );
  });
}

function dockerfile(host: string): string {
  return [
    `FROM ${host}/base:amd64`,
    "USER 0",
    "COPY requirements.lock /",
    "RUN --mount=type=secret,id=ca,target=/run/secrets/ca.crt --mount=type=secret,id=pip,target=/etc/pip.conf PIP_CERT=/run/secrets/ca.crt python3 -m pip install --no-cache-dir --require-hashes -r /requirements.lock",
    "COPY app /app/app",
    "",
  ].join("\n");
}

/** What the index is reached by on this machine; it stays out of the image. */
function pipSecrets(): readonly string[] {
  const { SSL_CERT_FILE, PIP_CONFIG_FILE } = process.env;
  const there = (file: string): string => (existsSync(file) ? file : "/dev/null");
  const ca = there(SSL_CERT_FILE ?? "/etc/ssl/certs/ca-certificates.crt");
  return ["--secret", `id=ca,src=${ca}`, "--secret", `id=pip,src=${there(PIP_CONFIG_FILE ?? "/etc/pip.conf")}`];
}

async function dependenciesTag({ host }: Wire): Promise<string> {
  const answer = await fetch(`http://${host}/v2/${repository}/tags/list`);
  const { tags } = (await answer.json()) as { readonly tags: readonly string[] };
  const tag = tags.find((name) => name.startsWith("deps-"));
  if (tag === undefined) throw new Error(`${repository} has no image of base and packages`);
  return tag;
}

/** Bytes of the code as tar and gzip make them: what must go over the wire at least. */
async function gzipped(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)("sh", ["-c", 'tar -c -C "$1" app | gzip -6 | wc -c', "sh", folder]);
  return Number(stdout);
}
