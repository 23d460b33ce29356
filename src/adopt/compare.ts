import type { Json } from "../domain/json.ts";
import { showAll } from "../domain/later.ts";
import type { LaterJson } from "../domain/later.ts";
import type { Plan } from "../domain/plan.ts";
import { showRevision } from "../domain/verdict.ts";
import type { Observation } from "../releases/observation.ts";
import { type Change, compareDefinitions } from "../task-definitions/compare.ts";
import { contextVariable, keepsContext } from "../task-definitions/container-context.ts";
import { containerIn } from "../task-definitions/existing.ts";
import { namedIn } from "../task-definitions/variables.ts";

/**
 * What a difference means for what runs.
 * - `name`: the same image, by the digest that runs, in the place of a tag.
 * - `told`: what a release tells Dagster, or itself, of the code that runs. No program does anything else for it.
 * - `changes`: something else would run.
 */
export type Meaning = "name" | "told" | "changes";

/** One difference between what runs and what was written. */
export interface Difference extends Change {
  readonly meaning: Meaning;
}

/** What a release of what was written would make of one definition. */
export interface ComparedDefinition {
  /** `service/<key>`, `run/<location>` */
  readonly definition: string;
  /** `web:12`; null: there is none. */
  readonly from: string | null;
  readonly differences: readonly Difference[];
}

/** Everything that a release of what was written would do to what runs, if it released what runs. */
export interface Proof {
  readonly definitions: readonly ComparedDefinition[];
  /** Percentages, counts and what else a release would set, as sentences. */
  readonly settings: readonly string[];
  readonly isSame: boolean;
}

/**
 * Holds what was written against what runs, member by member. Pure.
 * @param planned of the very code that plans releases, with the images that run
 */
export function compareWithRunning(
  { plan, contents }: { readonly plan: Plan; readonly contents: Readonly<Record<string, LaterJson>> },
  { definitions }: Pick<Observation, "definitions">,
  digests: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Proof {
  const allDigests = Object.values(digests).flatMap((ofService) => Object.values(ofService));
  const compared = Object.entries(contents)
    .filter(([name]) => !name.startsWith("once/"))
    .map(([name, content]): ComparedDefinition => {
      const isRun = name.startsWith("run/");
      const known = definitions[name];
      // No service runs a definition of runs: what Dagster would take now is the newest of its family.
      const running = (isRun ? known?.newest : known?.running) ?? null;
      const ran = isRun ? null : (digests[name.replace(/^service\//, "")] ?? {});
      const wanted = showAll(content);
      const changes = running === null ? [] : compareDefinitions(running.content, wanted, plan.shownVariables);
      return {
        definition: name,
        from: running === null ? null : showRevision(running.revision),
        differences: changes.map((change) => ({
          ...change,
          meaning:
            running !== null && losesContext(change, running.content, wanted)
              ? "changes"
              : meaningOf(change, ran, allDigests),
        })),
      };
    });
  const settings = plan.steps.flatMap((step): readonly string[] => {
    if (step.kind === "settings") return [step.reason];
    if (step.kind === "roll" && step.count !== null)
      return [`service ${step.service} would be brought to ${step.count} tasks`];
    return step.kind === "stop" || step.kind === "put-back" ? [`${step.name}: ${step.reason}`] : [];
  });
  const isSame =
    settings.length === 0 &&
    compared.every(
      ({ from, definition, differences }) =>
        (from !== null || definition.startsWith("run/")) && differences.every(({ meaning }) => meaning !== "changes"),
    );
  return { definitions: compared, settings, isSame };
}

/** Variables and labels by which releases know code. */
const toldVariables: ReadonlySet<string> = new Set(["DAGSTER_CURRENT_IMAGE", "DAGSTER_CONTAINER_CONTEXT"]);

/** Would runs lack what else their context gives them: variables, secrets, resources, roles? */
function losesContext({ path: [, container = "", , name] }: Change, from: Json, to: Json): boolean {
  const [before, after] = [from, to].map(
    (content) => namedIn(containerIn(content, container) ?? {}, "environment")[contextVariable],
  );
  return name === contextVariable && !keepsContext(before, after);
}

/** @param ran digests by container; null: no task of it runs, and any that runs elsewhere is meant */
function meaningOf(
  { path, to }: Change,
  ran: Readonly<Record<string, string>> | null,
  all: readonly string[],
): Meaning {
  const [containers, container = "", member = "", name = ""] = path;
  if (containers !== "containers") return "changes";
  if (member === "image" && path.length === 3) {
    const meant = ran === null ? all : [ran[container] ?? ""];
    return meant.some((digest) => digest !== "" && typeof to === "string" && to.endsWith(`@${digest}`))
      ? "name"
      : "changes";
  }
  if (member === "environment" && toldVariables.has(name)) return "told";
  return member === "dockerLabels" && name.startsWith("dagster-ecs.") ? "told" : "changes";
}
