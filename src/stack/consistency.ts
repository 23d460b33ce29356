import { dagsPrefix } from "../domain/dags.ts";
import type { Place } from "../domain/errors.ts";
import { checkIds } from "../domain/finding.ts";
import { hasPlaceholder } from "./placeholders.ts";
import { type Problem, quote, suggest } from "./problems.ts";
import { runRole } from "./tasks.ts";
import { at, entriesAt, itemsAt, type MapTree, type Path, showPath, textAt } from "./tree.ts";

/**
 * What no part of a document shows alone: names that nothing answers to, and parts that contradict each other. Works on
 * what is written, whether or not all of it has the right shape, so that one mistake does not hide another.
 */
export function consistencyProblems(document: MapTree): readonly Problem[] {
  return [
    ...imagesNamed(document),
    ...servicesNamed(document),
    ...volumesNamed(document),
    ...locationsNamed(document),
    ...onlyOnce(document),
    ...prefixesShared(document),
    ...modulesMissing(document),
    ...instanceContradictions(document),
    ...checksNamed(document),
  ];
}

/** A location that something serves: by a code server of its own, or inside webserver and daemon. */
interface Served {
  readonly location: string;
  readonly by: string;
  readonly kind: "code-server" | "in-process";
  readonly where: Place;
}

function served(document: MapTree): readonly Served[] {
  return [...entriesAt(document, ["services"]).keys()].flatMap((by): Served[] => {
    const own = textAt(document, ["services", by, "location"]);
    const inside = itemsAt(document, ["services", by, "locations"]).map((_, index) =>
      textAt(document, ["services", by, "locations", index]),
    );
    return [
      ...(own === null ? [] : [{ location: own.text, by, kind: "code-server" as const, where: own.place }]),
      ...inside
        .filter((item) => item !== null)
        .map(({ text, place }) => ({ location: text, by, kind: "in-process" as const, where: place })),
    ];
  });
}

/** A name at a path must be one of the candidates. */
function mustBe(document: MapTree, path: Path, what: string, candidates: readonly string[]): readonly Problem[] {
  const named = textAt(document, path);
  return named === null ? [] : mustBeOne(named.text, named.place, showPath(path), what, candidates);
}

function mustBeOne(
  name: string,
  where: Place,
  path: string,
  what: string,
  candidates: readonly string[],
): readonly Problem[] {
  if (candidates.includes(name) || hasPlaceholder(name)) return [];
  const fix = suggest(name, candidates, `The file has no ${what} at all: add it, or remove this.`);
  return [{ where, what: `${path} names ${quote(name)}, and there is no such ${what}.`, fix }];
}

function imagesNamed(document: MapTree): readonly Problem[] {
  const paths: readonly Path[] = [
    ...[...entriesAt(document, ["services"]).keys()].map((key) => ["services", key, "image"]),
    ...[...entriesAt(document, ["services"]).keys()].map((key) => ["services", key, "auth", "image"]),
    ["runs", "image"],
    ...itemsAt(document, ["migrations"]).map((_, index) => ["migrations", index, "image"]),
  ];
  const images = [...entriesAt(document, ["images"]).keys()];
  return paths.flatMap((path) => mustBe(document, path, "image", images));
}

function servicesNamed(document: MapTree): readonly Problem[] {
  const services = [...entriesAt(document, ["services"]).keys()];
  const runs = served(document).map(({ location }) => runRole(location));
  const roles = ["execution", "run", ...runs, "task", "webserver", "daemon", "code-location", ...services];
  const contract = (part: string, what: string, known: readonly string[]): readonly Problem[] =>
    [...entriesAt(document, ["contract", part])].flatMap(([key, entry]) =>
      mustBeOne(key, entry.key, `contract.${part}`, what, known),
    );
  return [
    ...itemsAt(document, ["migrations"]).flatMap((_, index) =>
      mustBe(document, ["migrations", index, "like-service"], "service", services),
    ),
    ...contract("services", "service", services),
    ...contract("roles", "kind, service or location", roles),
  ];
}

/** An exception for a check that does not exist would be ignored without a word. */
function checksNamed(document: MapTree): readonly Problem[] {
  return [...entriesAt(document, ["checks"])].flatMap(([id, { key }]) =>
    mustBeOne(id, key, "checks", "check", checkIds),
  );
}

function volumesNamed(document: MapTree): readonly Problem[] {
  const volumes = [...entriesAt(document, ["volumes"]).keys()];
  const holders: readonly Path[] = [
    ...[...entriesAt(document, ["services"]).keys()].map((key) => ["services", key, "mounts"]),
    ["runs", "mounts"],
  ];
  return holders.flatMap((path) =>
    [...entriesAt(document, path)].flatMap(([key, entry]) =>
      mustBeOne(key, entry.key, showPath(path), "volume", volumes),
    ),
  );
}

function locationsNamed(document: MapTree): readonly Problem[] {
  const locations = [...new Set(served(document).map(({ location }) => location))];
  // A repository that only publishes DAGs for a stack of another one has no services in its file.
  if (entriesAt(document, ["services"]).size === 0) return [];
  return [
    ...mustBe(document, ["gates", "canary", "location"], "location", locations),
    ...[...entriesAt(document, ["gates", "expect", "assets"])].flatMap(([location, entry]) =>
      mustBeOne(location, entry.key, "gates.expect.assets", "location", locations),
    ),
    ...[...entriesAt(document, ["dags"])].flatMap(([location, entry]) =>
      mustBeOne(location, entry.key, "dags", "location", locations),
    ),
  ];
}

function onlyOnce(document: MapTree): readonly Problem[] {
  const all = served(document);
  const codeServers = all.filter(({ kind }) => kind === "code-server");
  const daemons = [...entriesAt(document, ["services"])].filter(
    ([key]) => textAt(document, ["services", key, "kind"])?.text === "daemon",
  );
  const migrations = itemsAt(document, ["migrations"]).flatMap((_, index) => {
    const name = textAt(document, ["migrations", index, "name"]);
    return name === null ? [] : [name];
  });
  return [
    ...later(codeServers, ({ location }) => location).map(({ location, where }) => ({
      where,
      what: `A second service serves the location ${quote(location)}.`,
      fix: "Give each code server a location of its own: Dagster would take the two for one that keeps changing.",
    })),
    ...all
      .filter(({ kind, location }) => kind === "in-process" && codeServers.some((other) => other.location === location))
      .map(({ location, by, where }) => ({
        where,
        what: `${quote(location)} has a code server, and services.${by} loads it too.`,
        fix: "Keep one of the two: Dagster refuses two locations of one name.",
      })),
    ...daemons.slice(1).map(([key, entry]) => ({
      where: entry.key,
      what: `services.${key} is a second daemon.`,
      fix: "Keep one: two daemons tick every schedule twice.",
    })),
    ...later(migrations, ({ text }) => text).map(({ text, place }) => ({
      where: place,
      what: `A second migration is called ${quote(text)}.`,
      fix: "Give each its own name: records tell them apart by it.",
    })),
  ];
}

/** Where objects of a location lie: its versions, and its plain files where they are kept. */
interface UnderPrefix {
  readonly location: string;
  readonly what: "versions" | "plain files";
  readonly prefix: string;
  readonly where: Place;
}

function prefixesOf(document: MapTree, location: string, where: Place): readonly UnderPrefix[] {
  const own = textAt(document, ["dags", location, "prefix"]);
  const prefix = own?.text ?? dagsPrefix(location);
  const versions: UnderPrefix = { location, what: "versions", prefix, where: own?.place ?? where };
  if ((textAt(document, ["dags", location, "layout"])?.text ?? "versioned") === "versioned") return [versions];
  const plain = textAt(document, ["dags", location, "mirror-prefix"]);
  return [versions, { ...versions, what: "plain files", ...(plain && { prefix: plain.text, where: plain.place }) }];
}

/** Each would take what the other has put there for its own: pointer, versions, plain files. */
function prefixesShared(document: MapTree): readonly Problem[] {
  const all = [...entriesAt(document, ["dags"])]
    .flatMap(([location, { key }]) => prefixesOf(document, location, key))
    .filter(({ prefix }) => !hasPlaceholder(prefix));
  const clashes = all.flatMap((one, index) => {
    const other = all
      .slice(0, index)
      .find(
        ({ location, prefix }) =>
          location !== one.location && (prefix.startsWith(one.prefix) || one.prefix.startsWith(prefix)),
      );
    return other === undefined ? [] : [{ one, other }];
  });
  // One mistake is told once, also where plain files lie with the versions.
  const first = clashes.filter(
    ({ one, other }, index) =>
      clashes.findIndex((same) => same.one.location === one.location && same.other.location === other.location) ===
      index,
  );
  return first.map(({ one, other }) => ({
    where: one.where,
    what: `The ${one.what} of ${quote(one.location)} (${one.prefix}) and the ${other.what} of ${quote(other.location)} (${other.prefix}) lie under one prefix.`,
    fix: "Give each location prefixes of its own, none of which another one begins with: each would take, or overwrite, what is the other's.",
  }));
}

function modulesMissing(document: MapTree): readonly Problem[] {
  return [...entriesAt(document, ["services"])].flatMap(([key, { key: where }]): Problem[] => {
    const given = (name: string): boolean => at(document, ["services", key, name]) !== null;
    const location = textAt(document, ["services", key, "location"])?.text;
    const isServer = textAt(document, ["services", key, "kind"])?.text === "code-location";
    if (!isServer || given("task-definition")) return [];
    const module = textAt(document, ["services", key, "module"]);
    const published = location === undefined ? null : textAt(document, ["dags", location, "module"]);
    if (module === null && published === null && !given("module")) {
      return [
        { where, what: `services.${key} lacks \`module\`.`, fix: "Add the Python module that holds the definitions." },
      ];
    }
    if (module === null || published === null || module.text === published.text) return [];
    const what = `services.${key}.module and the module of its DAGs are not the same.`;
    return [{ where: module.place, what, fix: "Remove `module` here: with `dags` the code comes from there." }];
  });
}

function instanceContradictions(document: MapTree): readonly Problem[] {
  const own = entriesAt(document, ["instance"]).get("dagster-yaml");
  const limit = entriesAt(document, ["instance"]).get("concurrency");
  if (own === undefined || limit === undefined) return [];
  const what =
    "`concurrency` goes into the dagster.yaml that we make, and `dagster-yaml` says that you bring your own.";
  return [{ where: limit.key, what, fix: "Remove it here, and set the limit in your dagster.yaml." }];
}

/** Those whose key an earlier one has already. */
function later<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return items.filter((item, index) => items.findIndex((other) => keyOf(other) === keyOf(item)) < index);
}
