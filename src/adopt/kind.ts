import type { JsonMap } from "../domain/json.ts";
import type { Service } from "../stack/stack.ts";

/** What a container is taken for, and what that is told from: the surest first. */
export interface ToldKind {
  readonly kind: Service["kind"];
  readonly by: "command" | "port" | "name";
}

/**
 * What of Dagster a container runs; null: nothing that shows.
 * Source: programs of the packages dagster and dagster-webserver (`dagit` until 1.4), and the ports that Dagster's documents use.
 * @param family of its definition
 */
export function kindOf(container: JsonMap, family: string): ToldKind | null {
  const command = [...textsIn(container["entryPoint"]), ...textsIn(container["command"])].join(" ");
  const program = programs.find(([, words]) => words.test(command));
  if (program !== undefined) return { kind: program[0], by: "command" };
  const name = typeof container["name"] === "string" ? container["name"] : "";
  const image = typeof container["image"] === "string" ? container["image"] : "";
  const variables = [...namesIn(container["environment"]), ...namesIn(container["secrets"])];
  const isOfDagster = /dagster|dagit/i.test(`${name} ${image} ${family} ${command} ${variables.join(" ")}`);
  if (!isOfDagster || isHelper(image)) return null;
  const names = `${name} ${family} ${image.replace(/^[^/]*\//, "")}`;
  if (/daemon/i.test(name)) return { kind: "daemon", by: "name" };
  const ports = portsOf(container);
  const port = usualPorts.find(([one]) => ports.includes(one));
  if (port !== undefined) return { kind: port[1], by: "port" };
  const word = words.find(([, text]) => text.test(names));
  return word === undefined ? null : { kind: word[0], by: "name" };
}

/** Ports that a container says it listens on. */
export function portsOf(container: JsonMap): readonly number[] {
  return mapsIn(container["portMappings"]).flatMap(({ containerPort }) =>
    typeof containerPort === "number" ? [containerPort] : [],
  );
}

/** The port of the process itself: nginx may stand before it in its own container. null: none is said. */
export function portOf(container: JsonMap, kind: Service["kind"]): number | null {
  const ports = portsOf(container);
  const usual = usualPorts.find(([port, of]) => of === kind && ports.includes(port));
  return usual?.[0] ?? ports[0] ?? null;
}

/** Maps of a list; empty when it is none. */
export function mapsIn(list: unknown): readonly JsonMap[] {
  return Array.isArray(list)
    ? list.filter((one): one is JsonMap => typeof one === "object" && one !== null && !Array.isArray(one))
    : [];
}

const programs: readonly (readonly [Service["kind"], RegExp])[] = [
  ["webserver", /\bdagster-webserver\b|\bdagit\b/],
  ["daemon", /\bdagster-daemon\b/],
  ["code-location", /\bdagster\s+(api\s+grpc|code-server\s+start)\b/],
];

const usualPorts: readonly (readonly [number, Service["kind"]])[] = [
  [3000, "webserver"],
  [3001, "webserver"],
  [4000, "code-location"],
  [4266, "code-location"],
];

const words: readonly (readonly [Service["kind"], RegExp])[] = [
  ["daemon", /daemon/i],
  ["webserver", /web|dagit|(^|[-_ ])ui($|[-_ ])/i],
  ["code-location", /code|grpc|location/i],
];

/** What compose and others put beside a container. */
function isHelper(image: string): boolean {
  return /^docker\/ecs-|nginx|envoy|fluent-?bit|otel|datadog|xray/i.test(image);
}

function textsIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
}

function namesIn(list: unknown): readonly string[] {
  return mapsIn(list).flatMap(({ name }) => (typeof name === "string" ? [name] : []));
}
