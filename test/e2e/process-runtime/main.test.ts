import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const program = fileURLToPath(new URL("../../local-aws/main.ts", import.meta.url));
const readySchema = z.object({ url: z.url(), account: z.string(), region: z.string(), pid: z.int() });

describe("the bed as a process", () => {
  test.each<[string, (bed: ChildProcess, url: string) => unknown]>([
    ["its input is closed", (bed) => bed.stdin?.end()],
    ["it gets SIGTERM", (bed) => bed.kill("SIGTERM")],
    ["it is asked to", (_bed, url) => fetch(`${url}/_bed/stop`, { method: "POST" })],
  ])(
    "answers when it has said where, and ends well when %s",
    async (_how, end) => {
      const bed = spawn(process.execPath, [program, JSON.stringify({ region: "us-east-1" })], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      const line = await new Promise<string>((resolve) => createInterface({ input: bed.stdout }).once("line", resolve));
      const { url, region, pid } = readySchema.parse(JSON.parse(line));
      expect({ region, pid }).toEqual({ region: "us-east-1", pid: bed.pid });
      expect(await (await fetch(`${url}/_bed/tasks`)).json()).toEqual([]);
      const exited = once(bed, "exit");
      await end(bed, url);
      expect(await exited).toEqual([0, null]);
      await expect(fetch(url)).rejects.toThrow("fetch failed");
    },
    60_000,
  );
});
