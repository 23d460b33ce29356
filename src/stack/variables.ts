import { type Database, nameOfSecret, type SecretReference } from "../domain/contract.ts";
import type { Place } from "../domain/errors.ts";
import type { StackDocument } from "./document.ts";
import type { DatabaseNames, Secret, Variables } from "./stack.ts";
import { type Path, placeAt, type Tree } from "./tree.ts";

type Written = Pick<StackDocument, "environment" | "secrets" | "secrets-from">;

/** What one part of the file says about variables. `path` is that part's. */
export function variablesAt(written: Written, tree: Tree, path: Path): Variables {
  const place = (...inner: Path): Place => placeAt(tree, [...path, ...inner]);
  const named = written["secrets-from"].flatMap((from, index) =>
    typeof from === "string"
      ? []
      : from.keys.map((name, item) => ({
          name,
          secret: { kind: "secret" as const, name: from.secret, key: name },
          place: place("secrets-from", index, "keys", item),
        })),
  );
  return {
    environment: Object.fromEntries(
      Object.entries(written.environment).map(([name, value]) => [name, { value, place: place("environment", name) }]),
    ),
    secrets: Object.fromEntries([
      ...named.map(({ name, ...secret }) => [name, secret] as const),
      ...Object.entries(written.secrets).map(
        ([name, reference]) => [name, { secret: parseSecret(reference), place: place("secrets", name) }] as const,
      ),
    ]),
    parameterPaths: written["secrets-from"].flatMap((from, index) =>
      typeof from === "string" ? [{ path: from.slice("ssm:".length), place: place("secrets-from", index) }] : [],
    ),
  };
}

/** The contract's database under the names that the instance gives it. */
export function databaseVariables(database: Database | undefined, names: DatabaseNames, place: Place): Variables {
  if (database === undefined) return { environment: {}, secrets: {}, parameterPaths: [] };
  const { host, port, name, user, password } = database;
  const plain = {
    [names.host]: host,
    [names.port]: String(port),
    [names.name]: name,
    ...(typeof user === "string" ? { [names.user]: user } : {}),
  };
  const secret = {
    [names.password]: password,
    ...(typeof user === "string" ? {} : { [names.user]: user.from }),
  };
  return {
    environment: Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, { value, place }])),
    secrets: Object.fromEntries(
      Object.entries(secret).map(([key, reference]) => [key, { secret: parseSecret(reference), place }]),
    ),
    parameterPaths: [],
  };
}

/** The narrower says it last: a variable that it names is gone from the wider, plain or secret. */
export function over(wider: Variables, narrower: Variables): Variables {
  const said = new Set([...Object.keys(narrower.environment), ...Object.keys(narrower.secrets)]);
  const left = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !said.has(name)));
  return {
    environment: { ...left(wider.environment), ...narrower.environment },
    secrets: { ...left(wider.secrets), ...narrower.secrets },
    parameterPaths: [...wider.parameterPaths, ...narrower.parameterPaths],
  };
}

export function parseSecret(reference: SecretReference): Secret {
  if (reference.startsWith("ssm:")) return { kind: "parameter", name: reference.slice("ssm:".length) };
  const [name = "", key = null] = nameOfSecret(reference).split("#");
  return { kind: "secret", name, key };
}
