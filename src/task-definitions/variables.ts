import type { Later, LaterJson } from "../domain/later.ts";

/** Variables that are laid over what a container has. */
export interface VariableLayer {
  /** `replace`: the container keeps none of its own, of a kind that is given. */
  readonly mode: "merge" | "replace";
  /** In plain text, by name; null: of this kind nothing is said. */
  readonly environment: Readonly<Record<string, Later>> | null;
  /** ARN or name of a parameter, or ARN of a secret, by name; null: of this kind nothing is said. */
  readonly secrets: Readonly<Record<string, string>> | null;
}

type Container = { readonly [member: string]: LaterJson };

/** What holds a value of a variable, by the list it stands in. */
const valueOf = { environment: "value", secrets: "valueFrom" } as const;

/**
 * A container with variables laid over its own, each layer over the one before it. What is there keeps its place in its list and
 * whatever else its entry says; a name that was a secret and becomes plain text, or the other way round, leaves its former list:
 * ECS refuses one that stands in both.
 */
export function withVariables(container: Container, layers: readonly VariableLayer[]): Container {
  return layers.reduce((now, layer) => {
    const plain = withList(now, layer, "environment");
    const both = withList(plain, layer, "secrets");
    return withoutNames(
      withoutNames(both, "secrets", Object.keys(layer.environment ?? {})),
      "environment",
      Object.keys(layer.secrets ?? {}),
    );
  }, container);
}

function withList(container: Container, layer: VariableLayer, list: "environment" | "secrets"): Container {
  const said = layer[list];
  if (said === null) return container;
  const all = layer.mode === "replace" ? [] : entriesOf(container[list]);
  if (Object.keys(said).length === 0 && layer.mode === "merge") return container;
  const isSaid = (name: string | null): name is string => name !== null && Object.hasOwn(said, name);
  // Of a name that stands there twice, and is said, one entry is left.
  const own = all.filter(
    (entry, at) => !isSaid(nameOf(entry)) || all.findIndex((one) => nameOf(one) === nameOf(entry)) === at,
  );
  const there = new Set(own.map(nameOf));
  const value = valueOf[list];
  const changed = own.map((entry) => {
    const name = nameOf(entry);
    const to = isSaid(name) ? said[name] : undefined;
    return to === undefined ? entry : { ...(entry as object), [value]: to };
  });
  const added = Object.entries(said)
    .filter(([name]) => !there.has(name))
    .map(([name, to]) => ({ name, [value]: to }));
  return { ...container, [list]: [...changed, ...added] as LaterJson };
}

function withoutNames(container: Container, list: "environment" | "secrets", names: readonly string[]): Container {
  const entries = entriesOf(container[list]);
  const left = entries.filter((entry) => !names.includes(nameOf(entry) ?? ""));
  return left.length === entries.length ? container : { ...container, [list]: left };
}

/** Variables of a container, by name. */
export function namedIn(container: Container, list: "environment" | "secrets"): Readonly<Record<string, Later>> {
  return Object.fromEntries(
    entriesOf(container[list]).flatMap((entry) => {
      const [name, value] = [nameOf(entry), (entry as { readonly [member: string]: LaterJson })[valueOf[list]]];
      if (name === null || value === undefined || value === null) return [];
      const isText = typeof value === "string" || (typeof value === "object" && "pending" in value);
      return isText ? [[name, value as Later] as const] : [];
    }),
  );
}

function entriesOf(list: LaterJson | undefined): readonly LaterJson[] {
  return Array.isArray(list) ? (list as readonly LaterJson[]) : [];
}

function nameOf(entry: LaterJson): string | null {
  const name = typeof entry === "object" && entry !== null && "name" in entry ? entry.name : null;
  return typeof name === "string" ? name : null;
}
