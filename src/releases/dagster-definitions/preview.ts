import { isAbsolute, join } from "node:path";
import type { Dagster } from "../../dagster/client.ts";
import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import { instant } from "../../domain/identifiers.ts";
import type { Plan } from "../../domain/plan.ts";
import type { ImageClients } from "../../images/index.ts";
import type { Stack } from "../../stack/stack.ts";
import { locationsServedBy } from "../hosts.ts";
import { isAskable, type Observation } from "../observation.ts";
import type { Observed } from "../observe.ts";
import { readAnswer } from "./answer-file.ts";
import { type CodeChange, compareDefined } from "./compare.ts";
import { definedIn } from "./defined.ts";
import { type Description, parseDescription } from "./description.ts";
import { loadDefinitions } from "./load.ts";
import { byFile, whatToLoad } from "./loadable.ts";
import { type OnLoss, onLossOf } from "./on-loss.ts";
import { readMaterializations, readServed, type Served } from "./served.ts";
import type { ComparedDefinitions, DefinitionsSource } from "./compared.ts";
import { type Touched, touchedState } from "./touched.ts";

/** What it is compared with, and by what means. */
export interface DefinitionsPlace {
  readonly source: DefinitionsSource;
  /** The checkout: paths of files begin there. */
  readonly root: string;
  /** null: files of the checkout may be run here; else why not, as a sentence. */
  readonly whyNotRun: string | null;
  /** The webserver; null: none has an address. */
  readonly dagster: Dagster | null;
  readonly images: Pick<ImageClients, "kept" | "prepared" | "scratch">;
  /** Losing state is meant. */
  readonly allowsLoss: boolean;
}

/**
 * What new code would add, remove, rename and change among Dagster's definitions, by location. It never fails for the code's sake: why
 * nothing is known is part of what is told.
 * @param stack what the plan is about
 * @throws UserError for files that were named and cannot be used, Cancelled
 */
export async function previewDefinitions(
  context: Context,
  stack: Stack,
  observed: Observed,
  plan: Plan,
  place: DefinitionsPlace,
): Promise<Readonly<Record<string, ComparedDefinitions>>> {
  const { source, root, dagster } = place;
  if (!source.loads && source.files.length === 0) return {};
  const locations = [...new Set(Object.values(stack.services).flatMap(locationsServedBy))];
  const files = await readFiles(root, source, locations);
  context.report({ kind: "stage", title: "Dagster definitions" });
  const served = await whatIsServed(stack, observed.observation, dagster);
  const onLoss = onLossOf(stack.gates, place.allowsLoss);
  const compared: [string, ComparedDefinitions][] = [];
  for (const location of locations) {
    const one = typeof served === "string" ? served : (served.get(location) ?? servesNothing);
    const given = files.get(location);
    const told =
      typeof one === "string"
        ? none(one)
        : one.kind === "not-served"
          ? none(one.why)
          : given === undefined && source.loads && !isChanged(stack, plan, location)
            ? ({ kind: "stays" } as const)
            : await compareOne(location, one, given ?? (await loadOne(context, stack, observed, place, location)), {
                instigators: observed.observation.instigators,
                dagster,
                onLoss,
              });
    compared.push([location, told]);
  }
  return Object.fromEntries(compared);
}

/** The workspace does not have it yet: all that it defines is new. */
const servesNothing: Served = { kind: "served", repositories: [] };

async function whatIsServed(
  stack: Stack,
  { services, instigators }: Observation,
  dagster: Dagster | null,
): Promise<ReadonlyMap<string, Served> | string> {
  if (dagster === null) return "No webserver of the stack has a `url` that could be asked.";
  if (!isAskable(stack, { services })) return "No webserver runs that could be asked.";
  // Whoever noted schedules and sensors has waited for it already.
  if (instigators.locations === null && instigators.unknown !== null) return sentence(instigators.unknown);
  return readServed(dagster);
}

/** By what it is known what people have made under names that go. */
interface WhatHangsOnNames extends Pick<Observation, "instigators"> {
  readonly dagster: Dagster | null;
  readonly onLoss: OnLoss;
}

async function compareOne(
  location: string,
  { repositories }: Extract<Served, { kind: "served" }>,
  described: Description | ComparedDefinitions,
  { instigators, dagster, onLoss }: WhatHangsOnNames,
): Promise<ComparedDefinitions> {
  if (described.kind === "failed") return doesNotLoad(described);
  if (described.kind !== "described") return described;
  const next = definedIn(described.repositories);
  const changes = compareDefined(definedIn(repositories), next);
  const goneAssets = changes.flatMap(({ kind, change, name, former, members }) => {
    const hasOtherPartitions = members.some(({ member }) => member === "partitions");
    if (kind !== "asset" || (change !== "removed" && former === null && !hasOtherPartitions)) return [];
    return [former?.name ?? name];
  });
  const materialized =
    dagster === null ? new Map<string, number | null>() : await readMaterializations(dagster, goneAssets);
  const asked = new Set(goneAssets);
  const noted = instigators.locations?.[location] ?? null;
  const touches = (change: CodeChange): Touched | null => {
    if (change.kind !== "asset") return touchedState(change, noted);
    const name = change.former?.name ?? change.name;
    if (!asked.has(name)) return null;
    const at = materialized.get(name);
    if (at === undefined) return { kind: "unknown" };
    return at === null ? null : { kind: "materializations", lastAt: instant(at) };
  };
  return {
    kind: "compared",
    changes: changes.map((change) => ({ ...change, touches: touches(change) })),
    count: next.length,
    onLoss,
  };
}

/** Does anything in the plan bring other code to a location? */
export function isChanged(
  { services }: Pick<Stack, "services">,
  { steps }: Pick<Plan, "steps">,
  location: string,
): boolean {
  return steps.some((step) => {
    if (step.kind === "switch" || step.kind === "mirror") return step.location === location;
    if (step.kind !== "roll") return false;
    const service = services[step.service];
    return service !== undefined && locationsServedBy(service).includes(location);
  });
}

async function loadOne(
  context: Context,
  stack: Stack,
  { images }: Observed,
  place: DefinitionsPlace,
  location: string,
): Promise<Description | ComparedDefinitions> {
  const fix = byFile(location);
  if (!place.source.loads) return none("No file of the input `definitions` is of it.", fix);
  const wanted = whatToLoad(location, stack, images, place.whyNotRun);
  if ("why" in wanted) return none(wanted.why, wanted.fix);
  try {
    const described = await loadDefinitions(context, place.images, wanted);
    return typeof described === "string" ? none(sentence(described), fix) : described;
  } catch (error) {
    if (error instanceof UserError) return none(`What loads it cannot be had here. ${error.what}`, error.fix);
    throw error;
  }
}

function doesNotLoad({ words, module }: Extract<Description, { kind: "failed" }>): ComparedDefinitions {
  const fix =
    module === null
      ? "Code that needs a secret or a path of its image when it is loaded does so only there: let definitions/describe.py write a file in the image, and name that under `definitions`."
      : "Add what that module is in to the image's lock file, or to its `files`.";
  return { kind: "not-compared", why: "The new code does not load where it was tried.", quoted: words, fix };
}

/** By location. @throws UserError */
async function readFiles(
  root: string,
  { files }: DefinitionsSource,
  locations: readonly string[],
): Promise<ReadonlyMap<string, Description>> {
  const found = new Map<string, Description>();
  for (const { location: named, path } of files) {
    const described = await readDescription(isAbsolute(path) ? path : join(root, path), path);
    const location = named ?? described.location ?? (locations.length === 1 ? (locations[0] ?? null) : null);
    const refused = (what: string): UserError =>
      new UserError({
        what,
        where: "input definitions",
        fix: `Name it before the file: \`<location>=${path}\`, one a line; the stack has ${locations.join(", ")}.`,
      });
    if (location === null) throw refused(`${path} does not say of which code location it is.`);
    const name = JSON.stringify(location);
    if (!locations.includes(location))
      throw refused(`${path} is of code location ${name}, which the stack does not have, or this plan is not about.`);
    if (found.has(location)) throw refused(`Two files are of code location ${name}: ${path} is the second.`);
    found.set(location, described);
  }
  return found;
}

async function readDescription(file: string, path: string): Promise<Description> {
  const advice = {
    where: "input definitions",
    fix: "Let definitions/describe.py write it in an earlier step: `python describe.py --location <location> -m <module> > definitions.json`.",
  };
  const answer = await readAnswer(file);
  const described = typeof answer === "string" ? answer : parseDescription(answer.text);
  if (typeof described === "string")
    throw new UserError({ what: `The file ${path} with definitions cannot be used: ${described}.`, ...advice });
  return described;
}

function none(why: string, fix: string | null = null): Extract<ComparedDefinitions, { kind: "not-compared" }> {
  return { kind: "not-compared", why, quoted: null, fix };
}

function sentence(text: string): string {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
