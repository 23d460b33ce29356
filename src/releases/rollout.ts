import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf } from "../domain/errors.ts";
import type { Results } from "../domain/later.ts";
import type { Part, Step } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import { type Done, StepFailed } from "./steps/done.ts";

/** What became of one step. */
export type StepEnd =
  | { readonly step: Step; readonly kind: "done"; readonly done: Done; readonly seconds: number }
  | { readonly step: Step; readonly kind: "failed"; readonly error: unknown; readonly seconds: number }
  /** Not begun: something before it failed. */
  | { readonly step: Step; readonly kind: "left" };

export interface RolloutEnd {
  /** In the order in which they ended; those that were left last. */
  readonly steps: readonly StepEnd[];
  /** The first failure; null: all is done. */
  readonly failure: { readonly step: Step; readonly error: unknown } | null;
  /** The release with all that is known now. */
  readonly release: Release;
}

/**
 * Carries steps out, each as soon as those it waits for are done, side by side where they do not wait for each other. After a
 * failure nothing new is begun, and what is under way is waited for: a service that moves must be known to have moved.
 */
export async function rollOut(
  steps: readonly Step[],
  begun: Release,
  { clock, report }: Pick<Context, "clock" | "report">,
  carryOut: (step: Step, results: Results, release: Release) => Promise<Done>,
): Promise<RolloutEnd> {
  const left = new Map(steps.map((step) => [step.id, step]));
  const running = new Map<string, Promise<StepEnd>>();
  const ends: StepEnd[] = [];
  const results: Record<string, Results[string]> = {};
  let release = begun;
  let failure: RolloutEnd["failure"] = null;

  const begin = (step: Step): void => {
    const since = clock.now();
    const seconds = (): number => (clock.now() - since) / 1000;
    const end = carryOut(step, results, release).then(
      (done): StepEnd => ({ step, kind: "done", done, seconds: seconds() }),
      (error: unknown): StepEnd => ({ step, kind: "failed", error, seconds: seconds() }),
    );
    running.set(step.id, end);
    left.delete(step.id);
  };

  for (;;) {
    if (failure === null) {
      const ready = [...left.values()].filter(({ after }) => after.every((id) => !left.has(id) && !running.has(id)));
      for (const step of ready) begin(step);
    }
    if (running.size === 0) break;
    const end = await Promise.race(running.values());
    running.delete(end.step.id);
    ends.push(end);
    if (end.kind === "done") {
      results[end.step.id] = end.done.results;
      report({ kind: "line", text: `${end.step.id}: ${end.done.said}` });
      release = withParts(release, end.done.parts);
    } else if (end.kind === "failed") {
      failure ??= { step: end.step, error: end.error };
      tellFailure(report, end.step, end.error);
      if (end.error instanceof StepFailed) release = withParts(release, end.error.parts);
    }
  }
  const leftOver = [...left.values()].map((step): StepEnd => ({ step, kind: "left" }));
  return { steps: [...ends, ...leftOver], failure, release };
}

/** At once: what is taken back because of it takes minutes, and whoever looks on is to know why. */
function tellFailure(report: Context["report"], { id }: Step, error: unknown): void {
  if (error instanceof Cancelled) return;
  if (!(error instanceof StepFailed)) return report({ kind: "line", text: `${id}: ${messageOf(error)}` });
  const { failure, verdicts } = error;
  const words = [id, ...verdicts.map(({ verdict }) => verdict), failure.what].join(": ");
  report({ kind: "line", text: failure.fix === null ? words : `${words}\nfix: ${failure.fix}` });
}

/** The steps of some parts of a plan; what they wait for in other parts must be done already. @throws Error when it is not */
export function stepsOfParts(
  steps: readonly Step[],
  parts: readonly Part[],
): { readonly mine: readonly Step[]; readonly missing: readonly Step[] } {
  const mine = steps.filter(({ part }) => parts.includes(part));
  const needed = new Set(mine.flatMap(({ after }) => after));
  return { mine, missing: steps.filter(({ id, part }) => needed.has(id) && !parts.includes(part)) };
}

/** The release with what a step has made. */
export function withParts(release: Release, parts: Done["parts"]): Release {
  return {
    ...release,
    images: { ...release.images, ...parts.images },
    kept: { ...release.kept, ...parts.kept },
    taskDefinitions: { ...release.taskDefinitions, ...parts.taskDefinitions },
    migrations: { ...release.migrations, ...parts.migrations },
  };
}
