import type { Json } from "../domain/json.ts";
import { definitionMembers } from "./members.ts";
import { readOnlyMembers } from "./read-only.ts";

/** Where a member stands: `["containerDefinitions", 0, "retries"]` */
export type MemberPath = readonly (string | number)[];

/** A member that AWS's service model, as this version has it, does not know: newer than this version, or misspelt. */
export interface UnknownMember {
  readonly path: MemberPath;
  readonly name: string;
  /** Those that it knows in that place. */
  readonly known: readonly string[];
}

/** A value that AWS refuses, since it is of another type. */
export interface MistypedMember {
  readonly path: MemberPath;
  /** What it must be, for people: `a whole number`. */
  readonly wanted: string;
}

/** What is wrong with the members of a definition. They are registered as they are. */
export interface MemberFaults {
  readonly unknown: readonly UnknownMember[];
  readonly mistyped: readonly MistypedMember[];
}

const none: MemberFaults = { unknown: [], mistyped: [] };

/** Holds a definition against AWS's service model. */
export function memberFaults(content: Json): MemberFaults {
  return faultsOf(content, "", []);
}

/** @param type as {@link definitionMembers} has it */
function faultsOf(value: Json, type: string, path: MemberPath): MemberFaults {
  const mistyped = (wanted: string): MemberFaults => ({ unknown: [], mistyped: [{ path, wanted }] });
  if (type.startsWith("[]")) {
    if (!Array.isArray(value)) return mistyped("a list");
    return joined(
      (value as readonly Json[]).map((element, index) => faultsOf(element, type.slice(2), [...path, index])),
    );
  }
  const members = definitionMembers[type];
  const isMap = type.startsWith("{}");
  if (members === undefined && !isMap) {
    const scalar = scalars[type];
    return scalar === undefined || scalar.is(value) ? none : mistyped(scalar.wanted);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return mistyped("a mapping");
  return joined(
    Object.entries(value as Readonly<Record<string, Json>>).map(([name, member]): MemberFaults => {
      const inside = members === undefined ? type.slice(2) : Object.hasOwn(members, name) ? members[name] : undefined;
      if (inside !== undefined) return faultsOf(member, inside, [...path, name]);
      if (members === undefined || (type === "" && readOnlyMembers.has(name))) return none;
      return { unknown: [{ path: [...path, name], name, known: Object.keys(members) }], mistyped: [] };
    }),
  );
}

function joined(all: readonly MemberFaults[]): MemberFaults {
  return {
    unknown: all.flatMap(({ unknown }) => unknown),
    mistyped: all.flatMap(({ mistyped }) => mistyped),
  };
}

/** What ECS takes for each type of its model; it converts nothing. */
const scalars: Readonly<Record<string, { readonly wanted: string; readonly is: (value: Json) => boolean }>> = {
  string: { wanted: "text, in quotes", is: (value) => typeof value === "string" },
  integer: { wanted: "a whole number, without quotes", is: (value) => Number.isInteger(value) },
  long: { wanted: "a whole number, without quotes", is: (value) => Number.isInteger(value) },
  boolean: { wanted: "`true` or `false`, without quotes", is: (value) => typeof value === "boolean" },
};
