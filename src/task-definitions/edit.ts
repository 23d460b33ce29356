import type { JsonMap } from "../domain/json.ts";
import type { Later, LaterJson } from "../domain/later.ts";
import { type VariableLayer, withVariables } from "./variables.ts";

/** What is set in a task definition that somebody else has written. All else in it stays, byte for byte of each value. */
export interface Edits {
  /** null: the definition's own. */
  readonly family: string | null;
  /** By the container's name. */
  readonly images: Readonly<Record<string, Later>>;
  /** By the container's name. */
  readonly variables: Readonly<Record<string, readonly VariableLayer[]>>;
  /** Docker labels, by the container's name: beside its own. */
  readonly labels: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** ECS tags, beside those that it has. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A definition with edits. Whether each names a container that is there is for the caller to check. */
export function edited(content: JsonMap, { family, images, variables, labels, tags }: Edits): LaterJson {
  const { containerDefinitions, tags: own } = content;
  const containers = Array.isArray(containerDefinitions) ? (containerDefinitions as readonly LaterJson[]) : [];
  const all = tagged(own, tags);
  return {
    ...content,
    ...(family === null ? {} : { family }),
    containerDefinitions: containers.map((container) => {
      if (!isContainer(container)) return container;
      const name = typeof container["name"] === "string" ? container["name"] : "";
      const image = Object.hasOwn(images, name) ? images[name] : undefined;
      const added = Object.hasOwn(labels, name) ? (labels[name] ?? {}) : {};
      const shown = {
        ...(isContainer(container["dockerLabels"] ?? null) ? (container["dockerLabels"] as object) : {}),
      };
      const layers = Object.hasOwn(variables, name) ? (variables[name] ?? []) : [];
      return withVariables(
        {
          ...container,
          ...(image === undefined ? {} : { image }),
          ...(Object.keys(added).length === 0 ? {} : { dockerLabels: { ...shown, ...added } }),
        },
        layers,
      );
    }),
    ...(all === null ? {} : { tags: all }),
  };
}

function tagged(own: LaterJson | undefined, tags: Edits["tags"]): LaterJson | null {
  const names = Object.keys(tags);
  if (names.length === 0) return null;
  const others = (Array.isArray(own) ? (own as readonly LaterJson[]) : []).filter(
    (tag) => !(isContainer(tag) && typeof tag["key"] === "string" && names.includes(tag["key"])),
  );
  return [...others, ...Object.entries(tags).map(([key, value]) => ({ key, value }))];
}

function isContainer(value: LaterJson): value is { readonly [member: string]: LaterJson } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("pending" in value);
}
