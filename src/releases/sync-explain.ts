import { explainDags, explainMirror } from "../dags/index.ts";
import { UserError } from "../domain/errors.ts";
import { code, codeBlock, details, heading, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Synced } from "./sync-dags.ts";

const said = {
  planned: "nothing was written",
  unchanged: "served already",
  switched: "published; readers follow",
  served: "published and loaded",
  "taken-back": "not loaded, and taken back",
  failed: "not loaded",
} as const;

/** What became of the code of a location, for the summary of a run. */
export function explainSynced({ plan, mirror, outcome, retained }: Synced): Markdown {
  const failure = "cause" in outcome ? outcome : null;
  return paragraphs(
    heading(3, markdown`Code of location ${code(plan.location)}: ${said[outcome.kind]}`),
    explainDags(plan),
    ...(mirror === null ? [] : [explainMirror(mirror)]),
    ...(retained === null ? [] : [markdown`${wordsOfRetained(retained, outcome.kind === "planned")}`]),
    ...(failure === null ? [] : [markdown`${failure.cause.what} ${failure.left}`]),
    ...(failure?.evidence ?? []).map(({ text }) => details("What Dagster says", codeBlock(text))),
  );
}

/** Files of each kind that are named at a terminal. */
const mostFiles = 20;

/** The same for a terminal. */
export function wordsOfSynced({ plan, mirror, outcome, retained }: Synced): readonly string[] {
  const { location, version, publishes, switches, changes } = plan;
  const name = version.slice(0, 12);
  const before = switches?.from == null ? "nothing" : switches.from.version.slice(0, 12);
  const how = publishes ? "" : ", which was published before";
  return [
    `${location}: ${said[outcome.kind]}`,
    switches === null ? `  serves version ${name} already` : `  from ${before} to version ${name}${how}`,
    ...(switches === null
      ? []
      : [...signed("+", changes.added), ...signed("!", changes.changed), ...signed("-", changes.removed)]),
    ...(mirror === null
      ? []
      : [
          mirror.isServed
            ? "  plain files are there already"
            : `  plain files: ${mirror.uploads.flat().length} to write, ${mirror.removes.length} to remove`,
        ]),
    ...(retained === null ? [] : [`  ${wordsOfRetained(retained, outcome.kind === "planned")}`]),
  ];
}

/** What failed, for whoever has to know; null: nothing has. */
export function failureOfSynced({ plan: { location }, outcome }: Synced): UserError | null {
  if (!("cause" in outcome)) return null;
  const { what, fix } = outcome.cause;
  return new UserError({ what: `${what} ${outcome.left}`, where: `location ${location}`, fix: fix ?? "See the log." });
}

/** @returns anything was switched, or written; of a plan: would be */
export function isChanged({ plan, mirror, outcome }: Synced): boolean {
  return plan.switches !== null || (outcome.kind === "planned" && mirror !== null && !mirror.isServed);
}

function wordsOfRetained({ removed, why }: NonNullable<Synced["retained"]>, isPlanned: boolean): string {
  if (why !== null) return why;
  const names = removed.map((version) => version.slice(0, 12)).join(", ");
  if (removed.length === 0) return "No old version is to be removed.";
  return isPlanned ? `Old versions to be removed: ${names}.` : `Old versions that were removed: ${names}.`;
}

function signed(mark: string, paths: readonly string[]): readonly string[] {
  const more = paths.length - mostFiles;
  const shown = paths.slice(0, mostFiles).map((path) => `  ${mark} ${path}`);
  return more > 0 ? [...shown, `  ${mark} … and ${more} more`] : shown;
}
