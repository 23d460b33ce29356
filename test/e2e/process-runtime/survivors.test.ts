import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { until } from "./stack.ts";

const readySchema = z.object({ pid: z.number(), folder: z.string() });

describe("a bed that is killed", () => {
  test("leaves neither a process nor a file, with code locations and runs of several processes under way", async () => {
    const program = fileURLToPath(new URL("killed-bed.ts", import.meta.url));
    const bed = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"], env: process.env });
    const line = await new Promise<string>((resolve) => createInterface({ input: bed.stdout }).once("line", resolve));
    const { folder } = readySchema.parse(JSON.parse(line));
    const before = processesBelow(folder);
    expect(before.filter((command) => command.includes("api grpc")).length).toBeGreaterThanOrEqual(2);
    expect(before.filter((command) => command.includes("multiprocessing")).length).toBeGreaterThanOrEqual(1);

    bed.kill("SIGKILL");
    await once(bed, "exit");
    await until(
      async () => processesBelow(folder),
      (left) => left.length === 0,
    );
    await until(
      async () => existsSync(folder),
      (exists) => !exists,
    );
  });
});

/** Command lines of all processes that live in a folder, or were told of it. */
function processesBelow(folder: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const [command = "", environment = ""] = ["cmdline", "environ"].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " "),
      );
      return `${command} ${environment}`.includes(folder) ? [command] : [];
    } catch {
      return [];
    }
  });
}
