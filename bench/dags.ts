import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type GitCheckout, newCheckout } from "../test/checkout.ts";
import { goTool } from "../test/go-tools.ts";
import { findProgram, openProcesses } from "../test/local-aws/backing/processes.ts";
import { startServer } from "../test/local-aws/backing/server.ts";
import { pythonTools } from "../test/python-tools.ts";
import { runStep } from "../test/runner/run-step.ts";
import { median, type Row, row } from "./rows.ts";

/** Code to S3: sync-dags through the bundle, and what people use in its place, in turn, as whole processes on versitygw. */
export async function measure(runs: number): Promise<readonly Row[]> {
  const store = await openStore();
  try {
    const peers = await findPeers(store);
    const rounds = Math.min(runs, 3);
    const rows: Row[] = [];
    for (const count of [2_000, 10_000]) rows.push(...(await figures(store, peers, count, rounds)));
    return rows;
  } finally {
    await store.close();
  }
}

const bucket = "dags";
const region = "eu-central-1";
const credentials = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench-secret" };

/** An S3 over a folder. */
interface Store {
  readonly url: string;
  readonly folder: string;
  /** Requests that it has answered. */
  requests(): Promise<number>;
  close(): Promise<void>;
}

async function openStore(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "bench-dags-"));
  const processes = await openProcesses(folder);
  const [data, log] = [join(folder, "data"), join(folder, "access.log")];
  await mkdir(join(data, bucket), { recursive: true });
  const address = `${processes.block}.0.1:7070`;
  const url = `http://${address}`;
  await startServer(processes, {
    name: "versitygw",
    program: await goTool("versitygw"),
    args: ["--port", address, "--keep-alive", "--region", region, "--access-log", log, "--quiet", "posix", data],
    folder,
    environment: { ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY },
    ready: async (signal) => (await fetch(url, { signal })).status > 0,
    stopSignal: "SIGTERM",
  });
  return {
    url,
    folder,
    requests: async () =>
      (await readFile(log, "utf8").catch(() => "")).split("\n").filter((line) => line !== "").length,
    close: () => processes.close(),
  };
}

/** What brings a folder to S3 file by file. */
interface Peer {
  readonly name: string;
  readonly command: string;
  readonly args: (from: string, to: string) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

async function findPeers({ url, folder }: Store): Promise<readonly Peer[]> {
  const { aws, environment } = await pythonTools();
  const common = { ...credentials, AWS_REGION: region, AWS_ENDPOINT_URL: url, HOME: folder, PATH: "/usr/bin:/bin" };
  const rclone = findProgram("rclone", process.env["PATH"] ?? "");
  const remote = `:s3,provider=Other,env_auth=true,endpoint='${url}',region=${region},force_path_style=true:`;
  const tuned = ["--checksum", "--fast-list", "--s3-no-head", "--s3-no-check-bucket", "--transfers", "64"];
  const all: readonly (Peer | null)[] = [
    {
      name: "aws s3 sync 1",
      command: aws,
      args: (from, to) => ["s3", "sync", from, `s3://${to}`, "--delete", "--only-show-errors"],
      environment: { ...environment, ...common },
    },
    ...[[], tuned].map((options, at): Peer | null =>
      rclone === null
        ? null
        : {
            name: at === 0 ? "rclone sync" : "rclone sync, tuned",
            command: rclone,
            args: (from, to) => ["sync", from, `${remote}${to}`, ...options],
            environment: common,
          },
    ),
  ];
  if (rclone === null) console.error("not measured: rclone (Debian package rclone)");
  return all.filter((peer) => peer !== null);
}

type Phase = "first" | "no change" | "one file";
const phases: readonly Phase[] = ["first", "no change", "one file"];

interface Figure {
  readonly seconds: number;
  readonly requests: number;
  readonly mebibytes: number;
}

type Figures = Readonly<Record<Phase, Figure[]>>;
const noFigures = (): Figures => ({ first: [], "no change": [], "one file": [] });

async function figures(store: Store, peers: readonly Peer[], count: number, rounds: number): Promise<readonly Row[]> {
  const plain = noFigures();
  const python = noFigures();
  const mirror = noFigures();
  const theirs = new Map(peers.map((peer) => [peer, noFigures()]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [into, suffix, layout] of [
      [plain, "sql", "versions"],
      [python, "py", "versions"],
      [mirror, "sql", "mirror"],
    ] as const) {
      const checkout = await newCheckout(tree(count, suffix, round));
      const place = `ours-${layout}-${suffix}-${count}-${round}`;
      for (const phase of phases) {
        if (phase === "one file") await changeOne(checkout, suffix);
        into[phase].push(await ours(store, checkout, place, layout));
      }
      await checkout.remove();
    }
    for (const [at, [peer, into]] of [...theirs].entries()) {
      const checkout = await newCheckout(tree(count, "sql", round));
      for (const phase of phases) {
        if (phase === "one file") await changeOne(checkout, "sql");
        into[phase].push(
          await timed(store, peer, join(checkout.folder, "dags"), `${bucket}/peer-${at}-${count}-${round}`),
        );
      }
      await checkout.remove();
    }
  }
  const of = (all: Figure[], what: keyof Figure): number => median(all.map((figure) => figure[what]));
  return [
    ...phases.flatMap((phase) => [
      ...[...theirs].map(([{ name }, all]) =>
        row(`${phase}, ${count} files`, "s", of(plain[phase], "seconds"), { name, value: of(all[phase], "seconds") }),
      ),
      row(`${phase}, ${count} files, checked`, "s", of(python[phase], "seconds"), null),
      ...[...theirs].map(([{ name }, all]) =>
        row(`mirror, ${phase}, ${count} files`, "s", of(mirror[phase], "seconds"), {
          name,
          value: of(all[phase], "seconds"),
        }),
      ),
    ]),
    row(
      `no change, ${count} files, requests`,
      "requests",
      of(plain["no change"], "requests"),
      best(theirs, "no change"),
    ),
    row(`mirror, first, ${count} files, memory of the whole process`, "MiB", of(mirror.first, "mebibytes"), null),
    row(`first, ${count} files, memory of the whole process`, "MiB", of(plain.first, "mebibytes"), null),
  ];
}

/** Of the peers the one with the fewest requests. */
function best(all: ReadonlyMap<Peer, Figures>, phase: Phase): { readonly name: string; readonly value: number } | null {
  const values = [...all].map(([{ name }, figures_]) => ({
    name,
    value: median(figures_[phase].map(({ requests }) => requests)),
  }));
  return values.sort((a, b) => a.value - b.value)[0] ?? null;
}

async function ours(
  store: Store,
  { folder }: GitCheckout,
  place: string,
  layout: "versions" | "mirror",
): Promise<Figure> {
  const usage = join(store.folder, "usage.json");
  const preload = pathToFileURL(join(import.meta.dirname, "process-usage.mjs")).href;
  const before = await store.requests();
  const result = await runStep(
    {
      workspace: folder,
      repository: "owner/shop",
      runId: 1,
      environment: {
        ...credentials,
        AWS_REGION: region,
        AWS_ENDPOINT_URL: store.url,
        BENCH_USAGE: usage,
        NODE_OPTIONS: `--import ${preload}`,
      },
    },
    {
      action: "actions/sync-dags",
      with: { location: "shop", bucket, prefix: `${place}/`, layout, "github-token": "" },
    },
  );
  if (result.exitCode !== 0) throw new Error(result.log.join("\n"));
  const { maxMebibytes } = JSON.parse(await readFile(usage, "utf8")) as { readonly maxMebibytes: number };
  return { seconds: result.seconds, requests: (await store.requests()) - before, mebibytes: maxMebibytes };
}

async function timed(
  store: Store,
  { command, args, environment, name }: Peer,
  from: string,
  to: string,
): Promise<Figure> {
  const before = await store.requests();
  const begun = performance.now();
  const child = spawn(command, args(from, to), { env: environment, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = (performance.now() - begun) / 1000;
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return { seconds, requests: (await store.requests()) - before, mebibytes: 0 };
}

/** Files of about 2 kB, in twenty folders. */
function tree(count: number, suffix: string, round: number): Readonly<Record<string, string>> {
  const line =
    suffix === "py" ? 'TEXT = "a line of a module of pipelines"\n' : "-- a line of a model of somebody's tables\n";
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `dags/part_${n % 20}/job_${n}.${suffix}`,
      `${line.repeat(48)}${suffix === "py" ? "#" : "--"} ${n} ${round}\n`,
    ]),
  );
}

async function changeOne(checkout: GitCheckout, suffix: string): Promise<void> {
  const path = join(checkout.folder, "dags", "part_7", `job_7.${suffix}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, suffix === "py" ? "CHANGED = True\n" : "-- changed\n");
  checkout.commit("One file");
}
