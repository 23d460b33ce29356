import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Workplace } from "../../scripts/demo/workplace.ts";
import { goTool } from "../go-tools.ts";

const root = join(import.meta.dirname, "../..");

/** By what name workflows of users call this repository. */
export const ownName = "OWNER/dagster-ecs-actions";

/** Runs workflows of a checkout as nektos/act does: their jobs on this machine, without a container. */
export interface Act {
  /** @param file below `.github/workflows` */
  run(event: string, file: string, payload?: object, options?: ActOptions): Promise<ActEnd>;
  close(): Promise<void>;
}

export interface ActOptions {
  /** Of the repository, as `vars` has them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Commit to check out; null: what the checkout is at. */
  readonly commit?: string | null;
}

export interface ActEnd {
  readonly exitCode: number;
  readonly output: string;
  /** Words of each job, in the order of its lines: `Release/production/Plan`. */
  readonly jobs: readonly string[];
}

/**
 * @param environment of all jobs: the way to AWS, and to tokens of identity
 * @param place whose checkout it is
 */
export async function openAct(
  place: Pick<Workplace, "folder" | "git">,
  environment: Readonly<Record<string, string>>,
): Promise<Act> {
  const program = await goTool("act");
  const home = await mkdtemp(join(tmpdir(), "act-"));
  // act packs the whole folder each time that an action of it is used: what GitHub would run is enough.
  const own = join(home, "own");
  for (const path of ["action.yml", "actions", "dist"])
    await cp(join(root, path), join(own, path), { recursive: true });
  let runs = 5000;
  return {
    run: async (event, file, payload = {}, { variables = {}, commit = null } = {}) => {
      runs += 1;
      const folder = commit === null ? place.folder : join(home, `checkout-${runs}`);
      if (commit !== null) cloneAt(place, folder, commit);
      const eventFile = join(home, `event-${runs}.json`);
      await writeFile(eventFile, JSON.stringify(payload));
      const all = { GITHUB_API_URL: "http://127.0.0.1:9", ...environment, GITHUB_RUN_ID: String(runs) };
      const options: readonly (readonly [string, string])[] = [
        ["--workflows", `.github/workflows/${file}`],
        ["--eventpath", eventFile],
        ["--platform", "ubuntu-latest=-self-hosted"],
        ["--secret", "GITHUB_TOKEN=none"],
        ...Object.entries(variables).map(([name, value]) => ["--var", `${name}=${value}`] as const),
        ...Object.entries(all).map(([name, value]) => ["--env", `${name}=${value}`] as const),
        ["--local-repository", `${ownName}@v1=${own}`],
      ];
      return ended(program, [event, "--no-cache-server", ...options.flat()], folder, home);
    },
    close: () => rm(home, { recursive: true, force: true }),
  };
}

/** A checkout of its own. Its origin is that of the first: act reads the repository's name from it. */
function cloneAt({ git, folder: from }: Pick<Workplace, "folder" | "git">, folder: string, commit: string): void {
  git("clone", "--quiet", from, folder);
  git("-C", folder, "checkout", "--quiet", "--detach", commit);
  git("-C", folder, "remote", "set-url", "origin", git("remote", "get-url", "origin"));
}

/** The way to AWS and nothing to sign in with: the actions do that by themselves. */
export function withoutCredentials(place: Pick<Workplace, "job">): Readonly<Record<string, string>> {
  const { environment } = place.job();
  const others = Object.entries(environment).filter(([name]) => !/^AWS_(ACCESS|SECRET|SESSION)/.test(name));
  return { ...Object.fromEntries(others), AWS_EC2_METADATA_DISABLED: "true" };
}

function ended(program: string, args: readonly string[], cwd: string, home: string): Promise<ActEnd> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(AWS|GITHUB|INPUT|RUNNER|ACTIONS|NODE|GIT)_/.test(name),
  );
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const child = spawn(program, args, {
    cwd,
    env: { ...Object.fromEntries(own), HOME: home, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      const jobs = [...output.matchAll(/^\[([^\]\n]+\/[^\]\n]+?) *\] /gm)].map(([, name = ""]) => name);
      resolve({ exitCode: exitCode ?? 1, output, jobs: [...new Set(jobs)] });
    });
  });
}

/** Writes a workflow into the checkout, and commits nothing. */
export async function writeWorkflow(folder: string, file: string, text: string): Promise<void> {
  const path = join(folder, ".github/workflows", file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
