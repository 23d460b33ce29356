/**
 * The last of a bed to go. It holds the bed's block of loopback addresses, learns by its standard input which
 * processes the bed has started, and when that input ends (the bed closed it, or was killed) it ends every process
 * that is left, removes the bed's folder and gives the block back, in this order: a new bed never meets the processes
 * of an old one.
 *
 *     node watchdog-process.ts <mark> <folder>
 *     mark:   NAME=value      in the environment of every process of the bed
 *     stdout: 127.77          the block, once
 *     stdin:  +1234           this process leads a group that must not outlive the bed
 *             -1234           that group is gone
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** Loopback port that stands for "this block is taken". */
const claimPort = 7700;
/** Second octets that beds choose from; 127.0 and 127.1 are used by others (127.0.0.53 is systemd's resolver). */
const firstBlock = 64;
const lastBlock = 250;

/** The address whose claim port is held, within a block. */
const claimAddress = "255.254";

const [, , mark = "", folder = ""] = process.argv;
const { block, claim } = await claimBlock();
process.stdout.write(`${block}\n`);
const groups = new Set<number>();
for await (const line of createInterface({ input: process.stdin })) {
  const group = Number(line.slice(1));
  if (line.startsWith("+")) groups.add(group);
  else groups.delete(group);
}
for (const group of groups) kill(-group);
while (killMarked()) await sleep(20);
rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
claim.close();

/** Begins the search at a place that differs between beds, so that two that start at once seldom try the same block. */
async function claimBlock(): Promise<{ readonly block: string; readonly claim: Server }> {
  const count = lastBlock - firstBlock + 1;
  for (let tried = 0; tried < count; tried += 1) {
    const block = `127.${firstBlock + ((process.pid + tried) % count)}`;
    const claim = await listen(`${block}.${claimAddress}`);
    if (claim !== null) return { block, claim };
  }
  throw new Error(`no block 127.${firstBlock}-${lastBlock} has port ${claimPort} free on .${claimAddress}`);
}

function listen(host: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen({ host, port: claimPort, exclusive: true }, () => resolve(server));
  });
}

/** @returns whether there was any process whose environment carries the mark. */
function killMarked(): boolean {
  const marked = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(mark));
  for (const pid of marked) kill(Number(pid));
  return marked.length > 0;
}

/** Nothing for a process of somebody else, a zombie, or one that has just gone. */
function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function kill(target: number): void {
  try {
    process.kill(target, "SIGKILL");
  } catch {
    // Gone already, which is what is wanted.
  }
}
