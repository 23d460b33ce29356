import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { containers, type Containers } from "../../test/unit/deployments/scenarios/containers.ts";
import type { Play } from "../../test/unit/deployments/scenarios/play.ts";
import { request } from "../../test/unit/deployments/scene.ts";
import { definitionFile, type Program } from "./programs.ts";
import { type Ended, openProcessWorld, type WorldOptions } from "./world.ts";

/** How one program fared in one scenario. */
export interface Seen extends Ended {
  readonly exitCode: number | null;
  readonly log: readonly string[];
  /** Milliseconds since 1970, on the clock of the scenario. */
  readonly begunAt: number;
  readonly endedAt: number;
  /** Operations of AWS that it called. */
  readonly calls: readonly string[];
}

/** What may be other than in the scenario. */
export type RunOptions = Pick<WorldOptions, "behaviour" | "beside" | "isRealTime" | "rules">;

/** So much of the machine's time is a program given: it hangs. */
const mostMilliseconds = 2_400_000;

/** Runs a program in a scenario of its own. Both live on a clock that jumps over what both sleep through. */
export async function runScenario(program: Program, given: Play, options: RunOptions = {}): Promise<Seen> {
  const { definition }: Containers = containers[given.containers];
  const folder = await mkdtemp(join(tmpdir(), "scenario-"));
  const world = await openProcessWorld(given, {
    ...options,
    isRegistered: program.isOurs,
    pythonPath: program.pythonPath,
  });
  try {
    const file = join(folder, "definition.json");
    const { text: content, container } = definitionFile(definition ?? {});
    await writeFile(file, content);
    for (const name of ["output", "summary"]) await writeFile(join(folder, name), "");
    const { arguments: argv, inputs } = program.run({
      request: request(given.request),
      beside: options.beside ?? [],
      file,
      container,
    });
    const begunAt = world.clock.now();
    const child = spawn(program.command, [...argv], {
      cwd: folder,
      env: {
        ...world.environment(),
        HOME: folder,
        GITHUB_WORKSPACE: folder,
        GITHUB_OUTPUT: join(folder, "output"),
        GITHUB_STEP_SUMMARY: join(folder, "summary"),
        ...inputs,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((done) => child.once("close", done));
    world.begin(() => void child.kill("SIGINT"));
    const tooLong = setTimeout(() => child.kill("SIGKILL"), mostMilliseconds);
    const [exitCode, ...said] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    clearTimeout(tooLong);
    const endedAt = world.clock.now();
    const log = said.flatMap((one) => one.trim().split("\n"));
    return {
      exitCode,
      log: log.filter((line) => line !== "" && !/^::(debug|set-output)/.test(line)),
      begunAt,
      endedAt,
      calls: world.calls(),
      ...(await world.end()),
    };
  } finally {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
}
