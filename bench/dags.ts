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
import { openDistance } from "./dags/distance.ts";
import { type ReaderFigures, readerFigures } from "./dags/reader.ts";
import { median, type Row, row } from "./rows.ts";

/** Code to S3: sync-dags through the bundle, and what people use in its place, in turn, as whole processes on versitygw. */
export async function measure(runs: number): Promise<readonly Row[]> {
  return measureTrees(Math.min(runs, 3), [2_000, 10_000]);
}

/** @param counts of files, each once on loopback and once {@link farMilliseconds} away */
export async function measureTrees(rounds: number, counts: readonly number[]): Promise<readonly Row[]> {
  const store = await openStore();
  const distance = await openDistance(store.url, farMilliseconds);
  const far: Store = { ...store, url: distance.url };
  try {
    const rows: Row[] = [];
    for (const [at, where] of [
      [store, ""],
      [far, `, ${farMilliseconds} ms away`],
    ] as const) {
      const peers = await findPeers(at);
      for (const count of counts) rows.push(...(await figures(at, peers, count, rounds, where)));
    }
    return rows;
  } finally {
    await distance.close();
    await store.close();
  }
}

/** From a runner of GitHub to S3 in a region of its own. */
const farMilliseconds = 25;

const bucket = "dags";
const region = "eu-central-1";
const environmentOf = ({ url, folder }: Store): Readonly<Record<string, string>> => ({
  ...credentials,
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
  AWS_ENDPOINT_URL: url,
  HOME: folder,
  PATH: "/usr/bin:/bin",
});
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

async function findPeers(store: Store): Promise<readonly Peer[]> {
  const { url } = store;
  const { aws, environment } = await pythonTools();
  const common = environmentOf(store);
  const s5cmd = await goTool("s5cmd").catch((error: unknown) => {
    console.error(`not measured: s5cmd: ${String(error).split("\n")[0]}`);
    return null;
  });
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
    s5cmd === null
      ? null
      : {
          name: "s5cmd sync",
          command: s5cmd,
          args: (from, to) => ["--endpoint-url", url, "--log", "error", "sync", "--delete", `${from}/`, `s3://${to}/`],
          environment: common,
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

async function figures(
  store: Store,
  peers: readonly Peer[],
  count: number,
  rounds: number,
  where: string,
): Promise<readonly Row[]> {
  const files = `${count} files${where}`;
  const plain = noFigures();
  const python = noFigures();
  const mirror = noFigures();
  const mirrorPython = noFigures();
  const readers: ReaderFigures[] = [];
  const theirs = new Map(peers.map((peer) => [peer, noFigures()]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [into, suffix, layout] of [
      [plain, "sql", "versions"],
      [python, "py", "versions"],
      [mirror, "sql", "mirror"],
      [mirrorPython, "py", "mirror"],
    ] as const) {
      const checkout = await newCheckout(tree(count, suffix, round));
      const place = `ours-${layout}-${suffix}-${count}-${round}${where === "" ? "" : "-far"}`;
      for (const phase of phases) {
        if (phase === "one file") await changeOne(checkout, suffix);
        into[phase].push(await ours(store, checkout, place, layout));
      }
      await checkout.remove();
      if (into === plain)
        readers.push(
          await readerFigures(environmentOf(store), { bucket, prefix: `${place}/` }, () => store.requests()),
        );
    }
    for (const [at, [peer, into]] of [...theirs].entries()) {
      const checkout = await newCheckout(tree(count, "sql", round));
      for (const phase of phases) {
        if (phase === "one file") await changeOne(checkout, "sql");
        into[phase].push(
          await timed(
            store,
            peer,
            join(checkout.folder, "dags"),
            `${bucket}/peer-${at}-${count}-${round}${where === "" ? "" : "-far"}`,
          ),
        );
      }
      await checkout.remove();
    }
  }
  const of = (all: Figure[], what: keyof Figure): number => median(all.map((figure) => figure[what]));
  return [
    ...phases.flatMap((phase) => [
      ...[...theirs].map(([{ name }, all]) =>
        row(`${phase}, ${files}`, "s", of(plain[phase], "seconds"), { name, value: of(all[phase], "seconds") }),
      ),
      row(`${phase}, ${files}, checked`, "s", of(python[phase], "seconds"), null),
      row(`mirror, ${phase}, ${files}, checked`, "s", of(mirrorPython[phase], "seconds"), null),
      ...[...theirs].map(([{ name }, all]) =>
        row(`mirror, ${phase}, ${files}`, "s", of(mirror[phase], "seconds"), {
          name,
          value: of(all[phase], "seconds"),
        }),
      ),
    ]),
    row(`no change, ${files}, requests`, "requests", of(plain["no change"], "requests"), best(theirs, "no change")),
    row(`reader, first load, ${files}`, "s", median(readers.map(({ firstLoad }) => firstLoad)), null),
    row(`reader, idle poll, ${files}`, "requests", median(readers.map(({ idleRequests }) => idleRequests)), null),
    row(
      `reader, idle poll, ${files}, processor`,
      "ms",
      median(readers.map(({ idleMilliseconds }) => idleMilliseconds)),
      null,
    ),
    row(`mirror, first, ${files}, memory of the whole process`, "MiB", of(mirror.first, "mebibytes"), null),
    row(`first, ${files}, memory of the whole process`, "MiB", of(plain.first, "mebibytes"), null),
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
