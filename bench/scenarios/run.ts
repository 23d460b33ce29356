import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { containers, type Containers } from "../../test/unit/deployments/scenarios/containers.ts";
import type { Play } from "../../test/unit/deployments/scenarios/play.ts";
import { request } from "../../test/unit/deployments/scene.ts";
import type { Backing } from "./backing.ts";
import { definitionFile, type Program } from "./programs.ts";
import { type Ended, openProcessWorld, type WorldOptions } from "./world.ts";

export interface Line {
  /** Milliseconds since 1970, on the clock of the scenario. */
  readonly at: number;
  readonly text: string;
}

/** How one program fared in one scenario. */
export interface Seen extends Ended {
  readonly exitCode: number | null;
  readonly verdict: string | null;
  /** What it printed, and when; in the order in which it came. */
  readonly lines: readonly Line[];
  /** Milliseconds since 1970, on the clock of the scenario. */
  readonly begunAt: number;
  /** When the verdict stood in the log; for who gives none before, when it ended. */
  readonly saidAt: number;
  readonly endedAt: number;
  /** Operations of AWS that it called. */
  readonly calls: readonly string[];
}

/** What may be other than in the scenario. */
export interface RunOptions extends Pick<WorldOptions, "behaviour" | "beside" | "isRealTime" | "rules"> {
  readonly isGated?: boolean;
}

/** How a line of ours begins that says how the deployment of `app` ended. */
export const verdictMark = "roll/app: ";

/** Runs a program in a scenario of its own. Both live on a clock that jumps over what both sleep through. */
export async function runScenario(
  backing: Backing,
  program: Program,
  given: Play,
  options: RunOptions = {},
): Promise<Seen> {
  const { definition }: Containers = containers[given.containers];
  const folder = await mkdtemp(join(backing.folder, "scenario-"));
  const world = await openProcessWorld(given, { ...options, backing, pythonPath: program.pythonPath });
  try {
    const cancel = new AbortController();
    const lines: Line[] = [];
    const begunAt = world.clock.now();
    const running = program.start(
      {
        request: request(given.request),
        beside: options.beside ?? [],
        isGated: options.isGated === true,
        ...definitionFile(definition ?? {}),
      },
      {
        folder,
        environment: { ...world.environment(), ...backing.mark },
        bucket: world.bucket,
        dagster: world.dagster,
        signal: cancel.signal,
        onLine: (text) => lines.push({ at: world.clock.now(), text }),
      },
    );
    world.begin(() => cancel.abort());
    const ended = await running;
    const endedAt = world.clock.now();
    const said = program.isOurs ? lines.find(({ text }) => text.startsWith(verdictMark)) : undefined;
    return {
      ...ended,
      saidAt: said?.at ?? endedAt,
      lines: lines.filter(({ text }) => text !== "" && !/^::(debug|set-output)/.test(text)),
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
