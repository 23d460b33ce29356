import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { isMap, type JsonMap } from "../domain/json.ts";
import { type LaterJson, showAll } from "../domain/later.ts";
import type { RunProcess, Service, Stack } from "../stack/stack.ts";
import { entriesAt, itemsAt, placeAt } from "../stack/tree.ts";
import { type ExistingDefinition, placeIn } from "../task-definitions/existing.ts";
import { unbalanced } from "../task-definitions/balanced.ts";
import { type Fault, faultsOf, type Purpose } from "../task-definitions/judge.ts";
import type { ServiceObservation } from "../deployments/index.ts";
import { onceContainer } from "./definitions.ts";
import { usedRuns } from "./hosts.ts";
import { comparedRevision, type Observation } from "./observation.ts";

/** A definition as it is to be. */
export interface DescribedDefinition {
  /** `service/<key>`, `run/<key>`, `once/<image>` */
  readonly definition: string;
  /** What RegisterTaskDefinition is to be given; what is known later reads `(known after apply)`. */
  readonly content: JsonMap;
  /** Its process in the stack file; null for one-off tasks. */
  readonly process: Service | RunProcess | null;
  /** The line of a file that says what is at the path; else where the stack file has the process. */
  readonly placeOf: (fault: Pick<Fault, "id" | "path">) => Finding["where"];
}

/**
 * The definitions that a release is to have, those that are there already among them.
 * @param contents of them, by definition
 */
export function describedDefinitions(
  stack: Stack,
  observation: Pick<Observation, "existing" | "environmentFile">,
  contents: Readonly<Record<string, LaterJson>>,
): readonly DescribedDefinition[] {
  const processes = new Map<string, Service | RunProcess>([
    ...Object.values(stack.services).map((one) => [`service/${one.key}`, one] as const),
    ...usedRuns(stack).map((one) => [`run/${one.key}`, one] as const),
  ]);
  return Object.entries(contents).flatMap(([definition, wanted]): readonly DescribedDefinition[] => {
    const content = showAll(wanted);
    if (!isMap(content)) return [];
    const process = processes.get(definition) ?? null;
    const existing = observation.existing[definition] ?? null;
    const place = process?.place ?? stack.migrations.find(({ image }) => definition === `once/${image}`)?.place;
    const placeOf: DescribedDefinition["placeOf"] = (fault) =>
      place === undefined ? stack.file : placeAtFault(fault, content, existing, observation.environmentFile, place);
    return [{ definition, content, process, placeOf }];
  });
}

/** What is known to go wrong with the definitions that a release is to have. */
export function checkDefinitions(
  stack: Stack,
  observation: Pick<Observation, "existing" | "environmentFile" | "services" | "definitions">,
  contents: Readonly<Record<string, LaterJson>>,
  commit: string,
): readonly Finding[] {
  return describedDefinitions(stack, observation, contents).flatMap(({ definition, content, process, placeOf }) => {
    const service = process !== null && "kind" in process ? (observation.services[process.key] ?? null) : null;
    const purpose = process === null ? purposeOnce(stack, definition) : purposeOf(stack, process);
    if (purpose === null) return [];
    const balanced = service?.balanced ?? [];
    const onFargate = purpose.kind === "once" || (service !== null && isOnFargate(service));
    const known = observation.definitions[definition];
    const before = (known === undefined ? null : comparedRevision(known))?.content ?? null;
    return [...faultsOf(content, { ...purpose, onFargate, commit, before }), ...unbalanced(content, balanced)].map(
      ({ path, ...fault }): Finding => {
        return { ...fault, where: placeOf({ path, ...fault }) };
      },
    );
  });
}

type Known = Omit<Purpose, "onFargate" | "commit" | "before">;

/** Of tasks that run once: they are started on Fargate. */
function purposeOnce({ migrations, images }: Stack, definition: string): Known | null {
  const migration = migrations.find(({ image }) => definition === `once/${image}`);
  if (migration === undefined) return null;
  return {
    kind: "once",
    container: onceContainer,
    port: null,
    platform: images[migration.image]?.platform ?? null,
    launches: false,
    locations: 0,
    carriesRuns: false,
    judged: new Set(Object.keys(migration.variables.environment)),
  };
}

function isOnFargate({ launchType, capacityProviders }: ServiceObservation): boolean {
  if (capacityProviders.length === 0) return launchType === "FARGATE";
  return capacityProviders.every(({ name }) => name === "FARGATE" || name === "FARGATE_SPOT");
}

function purposeOf(stack: Stack, process: Service | RunProcess): Known | null {
  const { container } = process.definition;
  const platform = stack.images[process.image]?.platform;
  if (container === null || platform === undefined) return null;
  const kind = "kind" in process ? process.kind : "run";
  const isHost = kind === "webserver" || kind === "daemon";
  return {
    kind,
    container,
    port: "port" in process ? process.port : null,
    platform,
    launches: isHost && stack.runs.kind === "ecs",
    locations: "locations" in process ? process.locations.length : 0,
    // Runs from the queue are the daemon's; who has none launches them in the webserver.
    carriesRuns:
      kind === "daemon" && "locations" in process && process.locations.length > 0 && stack.runs.kind === "in-process",
    judged: new Set(Object.keys(process.variables.environment)),
  };
}

/** The line of the file that says it; else the definition that runs, or the service in the stack file. */
function placeAtFault(
  { id, path }: Pick<Fault, "id" | "path">,
  content: JsonMap,
  existing: ExistingDefinition | null,
  environment: Observation["environmentFile"],
  place: Place,
): Finding["where"] {
  const found = partAt(content, path);
  const name = found !== undefined && isMap(found) ? found["name"] : undefined;
  const list = path.at(-2);
  if (typeof name === "string" && (list === "environment" || list === "secrets")) {
    const said = list === "environment" ? environment?.environment : environment?.secrets;
    if (environment?.tree != null && said != null && Object.hasOwn(said, name)) {
      const index = itemsAt(environment.tree, [list]).findIndex(
        (item) =>
          item.kind === "map" && entriesAt(item, []).get("name")?.value.kind === "scalar" && nameIn(item) === name,
      );
      return placeAt(environment.tree, index < 0 ? [list] : [list, index]);
    }
    const own = existing === null ? undefined : partAt(existing.content, path);
    const isSame = own !== undefined && isMap(own) && own["name"] === name;
    if (existing !== null && !isSame) return placeIn(existing, path.slice(0, -2));
  }
  if (existing === null) return place;
  return id === "definition-too-large" ? placeIn(existing, []) : placeIn(existing, path);
}

function nameIn(item: Parameters<typeof entriesAt>[0]): unknown {
  const value = entriesAt(item, []).get("name")?.value;
  return value?.kind === "scalar" ? value.value : null;
}

function partAt(content: JsonMap, path: Fault["path"]): JsonMap[string] | undefined {
  let at: JsonMap[string] | undefined = content;
  for (const step of path) {
    if (Array.isArray(at)) at = (at as readonly JsonMap[string][])[Number(step)];
    else at = at !== undefined && isMap(at) ? at[String(step)] : undefined;
  }
  return at;
}
