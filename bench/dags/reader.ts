import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pythonTools } from "../../test/python-tools.ts";

/** What a container does that has its code from S3. */
export interface ReaderFigures {
  /** From the start of the process to its end: one whole version on the disk, every hash compared. Seconds. */
  readonly firstLoad: number;
  /** For a look that finds nothing new. */
  readonly idleRequests: number;
  /** The processor's milliseconds for such a look, those of the process as a whole over its looks. */
  readonly idleMilliseconds: number;
}

const package_ = fileURLToPath(new URL("../../docker/dag-reader", import.meta.url));
const idleSeconds = 5;
const pollSeconds = 0.1;

/**
 * @param environment of S3: address, credentials
 * @param requests that S3 has answered so far
 */
export async function readerFigures(
  environment: Readonly<Record<string, string>>,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  requests: () => Promise<number>,
): Promise<ReaderFigures> {
  const { python, environment: packages } = await pythonTools();
  const folder = await mkdtemp(join(tmpdir(), "bench-reader-"));
  const settings = {
    ...packages,
    ...environment,
    PYTHONPATH: `${package_}:${packages["PYTHONPATH"] ?? ""}`,
    PYTHONDONTWRITEBYTECODE: "1",
    DAGSTER_S3_BUCKET: bucket,
    DAGS: JSON.stringify({ shop: { prefix, module: "shop" } }),
    DAGS_ROOT: join(folder, "dags"),
    DAGS_POLL_SECONDS: String(pollSeconds),
  };
  try {
    const begun = performance.now();
    const init = spawn(python, ["-m", "dag_reader", "init"], { env: settings, stdio: ["ignore", "ignore", "inherit"] });
    const [code] = (await once(init, "close")) as [number | null];
    if (code !== 0) throw new Error(`the reader ended with ${code}`);
    const firstLoad = (performance.now() - begun) / 1000;
    const counted = `import os, runpy, sys, time
looks = 0
import dag_reader.reader as reader
look = reader.Reader.look
def once(self):
    global looks
    look(self)
    looks += 1
    if looks == 1:
        once.used = time.process_time()
    if time.monotonic() - begun > ${idleSeconds}:
        print(looks - 1, (time.process_time() - once.used) * 1000)
        sys.exit(0)
reader.Reader.look = once
begun = time.monotonic()
sys.argv = ["dag_reader", "follow"]
runpy.run_module("dag_reader", run_name="__main__")
`;
    const before = await requests();
    const follow = spawn(python, ["-c", counted], { env: settings, stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    follow.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await once(follow, "close");
    await sleep(200); // the server's log
    const [looks = 0, milliseconds = 0] = said.trim().split(" ").map(Number);
    if (looks === 0) throw new Error(`the reader did not look: ${said}`);
    return {
      firstLoad,
      idleRequests: ((await requests()) - before) / (looks + 1),
      idleMilliseconds: milliseconds / looks,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
