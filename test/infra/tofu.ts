import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { goTool } from "../go-tools.ts";

/** What OpenTofu said, in the order of its lines. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of `infra/` in which OpenTofu works, with the provider of these tests in place of AWS's: no network, no credentials. */
export interface Infrastructure {
  /** The copy of `infra/`. */
  readonly folder: string;
  /** Modules, stacks and examples, from `infra/`: `modules/service`. */
  readonly parts: readonly string[];
  /** From `infra/`: has this file, or this folder. */
  has(path: string): boolean;
  read(path: string): Promise<string>;
  /** Replaces a text that stands there once, and gives back what undoes it. @throws Error when it does not stand there once */
  replace(path: string, from: string, to: string): Promise<() => Promise<void>>;
  /** Runs OpenTofu in a part. */
  tofu(part: string, ...args: readonly string[]): Promise<Answer>;
  /** Attributes of what was applied in a part, of one type. */
  applied(part: string, type: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  remove(): Promise<void>;
}

const stateSchema = z.object({
  resources: z.array(
    z.object({ type: z.string(), instances: z.array(z.object({ attributes: z.record(z.string(), z.unknown()) })) }),
  ),
});

/** Takes minutes the first time: OpenTofu is built. */
export async function copyInfrastructure(): Promise<Infrastructure> {
  const tofu = await goTool("tofu");
  const root = await mkdtemp(join(tmpdir(), "infra-"));
  const folder = join(root, "infra");
  await cp("infra", folder, { recursive: true, filter: (path) => !path.includes(".terraform") });
  const provider = await startProvider(root);
  const environment = {
    PATH: process.env["PATH"],
    HOME: root,
    TF_REATTACH_PROVIDERS: provider.reattach,
    TF_CLI_CONFIG_FILE: "/dev/null",
    TF_IN_AUTOMATION: "1",
    CHECKPOINT_DISABLE: "1",
  };

  const run = (part: string, args: readonly string[]): Promise<Answer> =>
    new Promise((done, fail) => {
      const child = spawn(tofu, args, { cwd: join(folder, part), env: environment, stdio: ["ignore", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.once("error", fail);
      child.once("close", (code) => done({ exitCode: code ?? 1, stdout, stderr }));
    });

  const installed = new Set<string>();
  const parts = (
    await Promise.all(
      ["modules", "stacks", "examples"].map(async (kind) =>
        (await readdir(join(folder, kind))).map((name) => `${kind}/${name}`),
      ),
    )
  ).flat();

  return {
    folder,
    parts,
    has: (path) => existsSync(join(folder, path)),
    read: (path) => readFile(join(folder, path), "utf8"),
    async replace(path, from, to) {
      const text = await readFile(join(folder, path), "utf8");
      if (text.split(from).length !== 2)
        throw new Error(`${path} has ${text.split(from).length - 1} times, and not once: ${from}`);
      await writeFile(
        join(folder, path),
        text.replace(from, () => to),
      );
      return () => writeFile(join(folder, path), text);
    },
    async tofu(part, ...args) {
      if (!installed.has(part) && args[0] !== "fmt") {
        const answer = await run(part, ["get", "-no-color"]);
        if (answer.exitCode !== 0) throw new Error(`tofu get in ${part}: ${answer.stderr}`);
        installed.add(part);
      }
      return run(part, args);
    },
    async applied(part, type) {
      const state = stateSchema.parse(JSON.parse(await readFile(join(folder, part, "terraform.tfstate"), "utf8")));
      return state.resources
        .filter((one) => one.type === type)
        .flatMap(({ instances }) => instances.map(({ attributes }) => attributes));
    },
    async remove() {
      provider.end();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** One for all that is run, and so one start in the place of one for each step of each test. It ends with this process, too. */
async function startProvider(folder: string): Promise<{ readonly reattach: string; end(): void }> {
  const child = spawn(await goTool("terraform-provider-aws"), ["-debug"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { TMPDIR: folder },
  });
  const reattach = await new Promise<string>((done, fail) => {
    let told = "";
    child.once("error", fail);
    child.once("exit", (code) => fail(new Error(`the provider ended with ${String(code)}: ${told}`)));
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      const [, found] = /TF_REATTACH_PROVIDERS='(.*)'/.exec(told) ?? [];
      if (found !== undefined) done(found);
    });
  });
  return { reattach, end: () => child.stdin.end() };
}
