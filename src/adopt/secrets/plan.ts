import { isPublicVariable } from "../../domain/redaction.ts";
import type { FileVariable } from "./env-file.ts";

/** Where secrets are kept: one secret with a key for each, or a parameter for each below a path that ends in a slash. */
export type Store =
  | { readonly kind: "secret"; readonly name: string }
  | { readonly kind: "parameters"; readonly path: string };

/** What is to become of one variable. `differs`: another value is there, and nobody has said that it is to go. */
export type Doing = "create" | "same" | "overwrite" | "differs";

/** What is to be written, by names. Values stand beside it and nowhere else. */
export interface ImportPlan {
  readonly store: Store;
  readonly variables: readonly { readonly name: string; readonly line: number; readonly does: Doing }[];
  /** Variables of the file that stay in it: neither their name nor their form can mean a secret. */
  readonly left: readonly string[];
  /** Variables without a text, which SSM cannot hold. */
  readonly empty: readonly string[];
}

/** Which variables of a file are meant. */
export interface Choice {
  /** Empty: those which may be secrets. */
  readonly variables: readonly string[];
  /** Those of which another value may be written over. */
  readonly overwrite: readonly string[];
}

/** Those of a file that are to be kept, and the others. Pure. */
export function chosen(
  all: readonly FileVariable[],
  { variables }: Choice,
): { readonly wanted: readonly FileVariable[]; readonly left: readonly FileVariable[] } {
  const isWanted = ({ name, value }: FileVariable): boolean =>
    variables.length > 0 ? variables.includes(name) : !isPublicVariable(name, value);
  return { wanted: all.filter(isWanted), left: all.filter((one) => !isWanted(one)) };
}

/**
 * What a store would get. Pure.
 * @param there values that it has, by name; null: something that is no text
 */
export function planImport(
  store: Store,
  { wanted, left }: ReturnType<typeof chosen>,
  there: ReadonlyMap<string, string | null>,
  { overwrite }: Choice,
): ImportPlan {
  const does = ({ name, value }: FileVariable): Doing => {
    if (!there.has(name)) return "create";
    if (there.get(name) === value) return "same";
    return overwrite.includes(name) ? "overwrite" : "differs";
  };
  const kept = wanted.filter(({ value }) => store.kind === "secret" || value !== "");
  return {
    store,
    variables: kept.map((one) => ({ name: one.name, line: one.line, does: does(one) })),
    left: left.map(({ name }) => name),
    empty: wanted.filter((one) => !kept.includes(one)).map(({ name }) => name),
  };
}

/** Lines of the stack file that name what is kept, for every process; empty when nothing is. */
export function stackFileLines({ store, variables }: Pick<ImportPlan, "store" | "variables">): readonly string[] {
  const names = variables.map(({ name }) => name);
  if (names.length === 0) return [];
  return store.kind === "secret"
    ? ["secrets-from:", `  - { secret: ${JSON.stringify(store.name)}, keys: [${names.join(", ")}] }`]
    : ["secrets:", ...names.map((name) => `  ${name}: ${JSON.stringify(`ssm:${store.path}${name}`)}`)];
}
