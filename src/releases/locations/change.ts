import { UserError } from "../../domain/errors.ts";
import type { Json } from "../../domain/json.ts";
import { type Edit, editYaml } from "../../stack/edit.ts";
import { quote, StackFileError, suggest } from "../../stack/problems.ts";
import { documentOf, parseStackFile, type StackFile, topEnvironment } from "../../stack/stack-file.ts";
import { at, entriesAt, itemsAt, type Path, textAt } from "../../stack/tree.ts";
import { readYaml } from "../../stack/yaml.ts";

/** Members of a location in the stack file, under their names there; none that is not given. */
export type Members = Readonly<Record<string, Json>>;

/** A location that is to come. */
export interface NewLocation {
  readonly name: string;
  /** What stands under `dags`; null: its code is in the image of its code server. */
  readonly dags: Members | null;
  /** A code server of its own, by the key of the service; null: webserver and daemon load it. */
  readonly server: { readonly key: string; readonly members: Members } | null;
}

/** What is to be different about a location. */
export interface LocationUpdate {
  readonly name: string;
  /** Only here; `production` is the top of the file. */
  readonly environment: string;
  readonly dags: Members;
  readonly server: Members;
  /** Members that are to go. */
  readonly unset: readonly string[];
}

/** A stack file before and after. */
export interface Change {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** It is of a repository that only publishes code to S3: nothing in it is served. */
  readonly onlyPublishes: boolean;
}

const kindsOfHosts = ["webserver", "daemon"];

/**
 * Adds a location: under `dags`, and to what loads it.
 * @throws UserError when there is one of that name, nothing would load it, or the stack file would be refused
 */
export function addLocation(text: string, file: string, { name, dags, server }: NewLocation): Change {
  const stackFile = parseStackFile(text, file);
  if (locationsOf(stackFile).includes(name)) {
    throw new UserError({
      what: `The stack file has a location ${quote(name)} already.`,
      where: file,
      fix: `\`dagster-ecs locations update ${name}\` changes it.`,
    });
  }
  const edits: Edit[] = [];
  if (dags !== null) edits.push({ kind: "set", path: ["dags", name], value: dags, after: ["services", "runs"] });
  if (server !== null) {
    const path = ["services", server.key];
    if (at(stackFile.tree, path) !== null) {
      throw new UserError({
        what: `The stack file has a service ${quote(server.key)} already.`,
        where: at(stackFile.tree, path)?.place ?? file,
        fix: "Give the service of the new location another key: `--service <key>`.",
      });
    }
    edits.push({ kind: "set", path, value: { kind: "code-location", ...server.members, location: name } });
  }
  const hosts = server === null ? loadingHosts(stackFile) : [];
  const lists = hosts.flatMap((host) => [["services", host, "locations"], ...overlaid(stackFile, host)]);
  return changed(text, file, edits, (now) =>
    lists.flatMap((path) => (names(now, path).includes(name) ? [] : [{ kind: "add-item", path, item: name } as const])),
  );
}

/**
 * Changes members of a location, or removes some.
 * @throws UserError when there is none of that name, it has no such part, or the stack file would be refused
 */
export function updateLocation(text: string, file: string, update: LocationUpdate): Change {
  const { name, environment, dags, server, unset } = update;
  const stackFile = parseStackFile(text, file);
  const tree = documentOf(stackFile, environment);
  checkKnown(stackFile, name);
  const above = environment === topEnvironment ? [] : ["environments", environment];
  const key = serversOf(stackFile, name)[0];
  const hasDags = at(tree, ["dags", name]) !== null;
  // `module` is of the DAGs where there are some.
  const { module, ...others } = { ...server };
  const ofDags = { ...dags, ...(module !== undefined && hasDags ? { module } : {}) };
  const ofServer = { ...others, ...(module !== undefined && !hasDags ? { module } : {}) };
  if (Object.keys(ofDags).length > 0 && !hasDags) {
    throw new UserError({
      what: `The code of ${name} is in its image: it has no ${showNames(Object.keys(ofDags))}.`,
      where: file,
      fix: `To bring it from S3, remove the location, and add it with \`--directory\` and \`--module\`; schedules and sensors keep their state under the same name.`,
    });
  }
  if (Object.keys(ofServer).length > 0 && key === undefined) {
    throw new UserError({
      what: `Webserver and daemon load ${name} themselves: it has no ${showNames(Object.keys(ofServer))}.`,
      where: file,
      fix: `For a code server of its own, remove the location, and add it with \`--image\`.`,
    });
  }
  const gone = unset.map((member): Edit => {
    const paths = [["dags", name, member], ...(key === undefined ? [] : [["services", key, member]])];
    const path = paths.map((one) => [...above, ...one]).find((one) => at(stackFile.tree, one) !== null);
    if (path !== undefined) return { kind: "remove", path };
    const known = paths.flatMap((one) => [...entriesAt(stackFile.tree, [...above, ...one.slice(0, -1)]).keys()]);
    throw new UserError({
      what: `${name} has no ${quote(member)} in the stack file${environment === topEnvironment ? "" : `, under \`environments.${environment}\``}.`,
      where: file,
      fix: suggest(member, known, "Nothing is to be removed."),
    });
  });
  const set = (below: readonly string[], members: Members): readonly Edit[] =>
    Object.entries(members).map(([member, value]) => ({ kind: "set", path: [...above, ...below, member], value }));
  const edits = [
    ...set(["dags", name], ofDags),
    ...(key === undefined ? [] : set(["services", key], ofServer)),
    ...gone,
  ];
  return changed(text, file, edits);
}

/**
 * Removes a location: from `dags`, from what loads it, with its code server.
 * @throws UserError when there is none of that name, or the stack file would be refused: something names it still
 */
export function removeLocation(text: string, file: string, name: string): Change {
  const stackFile = parseStackFile(text, file);
  checkKnown(stackFile, name);
  const services = [...entriesAt(stackFile.tree, ["services"]).keys()];
  const lists = services.flatMap((key) => [["services", key, "locations"], ...overlaid(stackFile, key)]);
  const servers = serversOf(stackFile, name);
  // A contract that stands in the file itself names what is of the service.
  const whole = [
    ["dags", name],
    ...servers.flatMap((key) => [
      ["services", key],
      ["contract", "services", key],
    ]),
  ];
  const environments = [...entriesAt(stackFile.tree, ["environments"]).keys()];
  const paths = whole.flatMap((path) => [
    ...environments.map((environment) => ["environments", environment, ...path]),
    path,
  ]);
  const there = paths.filter((path) => at(stackFile.tree, path) !== null);
  return changed(
    text,
    file,
    there.map((path) => ({ kind: "remove", path })),
    (now) =>
      lists.flatMap((path) =>
        names(now, path).includes(name) ? [{ kind: "remove-item", path, item: name } as const] : [],
      ),
  );
}

/** Keys of services that are code servers of a location. */
export function serversOf({ tree }: StackFile, location: string): readonly string[] {
  return [...entriesAt(tree, ["services"]).keys()].filter(
    (key) => textAt(tree, ["services", key, "location"])?.text === location,
  );
}

/** @param then more of it, one after the other: each is asked for when those before it are done, as an alias may have done it, too */
function changed(
  text: string,
  file: string,
  edits: readonly Edit[],
  then: (now: StackFile["tree"]) => readonly Edit[] = () => [],
): Change {
  let after = editYaml(text, file, edits);
  const withEdits = (): readonly Edit[] => then(rawTree(after, file));
  for (let next = withEdits()[0]; next !== undefined; next = withEdits()[0]) after = editYaml(after, file, [next]);
  try {
    parseStackFile(after, file);
  } catch (error) {
    if (!(error instanceof StackFileError)) throw error;
    const { what, where, fix } = error;
    throw new UserError(
      { what: `Nothing was written, as the stack file would be refused then: ${what}`, ...(where && { where }), fix },
      { cause: error },
    );
  }
  return { file, before: text, after, onlyPublishes: entriesAt(rawTree(text, file), ["services"]).size === 0 };
}

/** In the middle of a change names may lead nowhere. */
function rawTree(text: string, file: string): StackFile["tree"] {
  const { tree } = readYaml(text, file);
  if (tree?.kind !== "map") throw new Error("a stack file is a mapping, before and after a change");
  return tree;
}

function locationsOf({ tree }: StackFile): readonly string[] {
  const served = [...entriesAt(tree, ["services"]).keys()].flatMap((key) => {
    const own = textAt(tree, ["services", key, "location"])?.text;
    return [...(own === undefined ? [] : [own]), ...names(tree, ["services", key, "locations"])];
  });
  return [...new Set([...entriesAt(tree, ["dags"]).keys(), ...served])];
}

function checkKnown(stackFile: StackFile, name: string): void {
  const known = locationsOf(stackFile);
  if (known.includes(name)) return;
  throw new UserError({
    what: `The stack file has no location ${quote(name)}.`,
    where: stackFile.file,
    fix: suggest(name, known, `\`dagster-ecs locations add ${name}\` adds it.`),
  });
}

/** @throws UserError when they load none, and code servers do */
function loadingHosts({ tree, file }: StackFile): readonly string[] {
  const services = [...entriesAt(tree, ["services"]).keys()];
  const kindOf = (key: string): string => textAt(tree, ["services", key, "kind"])?.text ?? "";
  const hosts = services.filter((key) => kindsOfHosts.includes(kindOf(key)));
  const loads = hosts.some((key) => itemsAt(tree, ["services", key, "locations"]).length > 0);
  if (loads || !services.some((key) => kindOf(key) === "code-location")) return hosts;
  throw new UserError({
    what: "Locations of this stack have code servers of their own, and webserver and daemon load none.",
    where: file,
    fix: "Give `--image <key>`, the image that the code server of the new location runs.",
  });
}

/** Lists that environments have in the place of a service's own. */
function overlaid({ tree }: StackFile, key: string): readonly (readonly string[])[] {
  return [...entriesAt(tree, ["environments"]).keys()]
    .map((environment) => ["environments", environment, "services", key, "locations"])
    .filter((path) => at(tree, path) !== null);
}

function names(tree: StackFile["tree"], path: Path): readonly string[] {
  return itemsAt(tree, path).flatMap((item) =>
    item.kind === "scalar" && typeof item.value === "string" ? [item.value] : [],
  );
}

function showNames(all: readonly string[]): string {
  return all.map((one) => `\`${one}\``).join(" or ");
}
