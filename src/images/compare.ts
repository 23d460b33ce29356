import * as z from "zod";
import type { Inputs } from "./content-key.ts";
import type { FileMapping } from "../files/sources.ts";
import { readRecord, short, shortened, writeRecord } from "./record.ts";

const recordedSchema = z.object({
  platform: z.string(),
  base: z.string(),
  python: z.string().nullable(),
  requirements: z.string().nullable(),
  groups: z.array(z.string()).default([]),
  localPackages: z.record(z.string(), z.string()).default({}),
  prepare: z.string().nullable().default(null),
  user: z.string().nullable().default(null),
  workdir: z.string(),
  environment: z.string(),
  /** Null when there were too many to list. */
  files: z.record(z.string(), z.string()).nullable(),
});
/** The inputs of an image in short, as its label tells them: enough to say what has changed since. */
export type RecordedInputs = z.infer<typeof recordedSchema>;

/** The label of the image's config that holds them. */
export const inputsLabel = "dagster-ecs.inputs";

/** What the label says. A pure function of the inputs, as the image's digest must be one. */
export function recordInputs(inputs: Inputs): string {
  const { platform, base, python, requirements, groups, localPackages, prepare, user } = inputs;
  const { workdir, environment, files } = inputs;
  const recorded: RecordedInputs = {
    platform,
    base,
    python,
    requirements,
    groups: [...groups],
    localPackages: Object.fromEntries(
      Object.entries(localPackages)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([folder, hash]) => [folder, hash.slice(0, 8)]),
    ),
    prepare: prepare.length === 0 ? null : short(prepare),
    user,
    workdir,
    environment: short(environment),
    files: shortened(files),
  };
  return writeRecord(recorded);
}

/** Reads the label of an image. @returns null when it has none, or another version wrote it. */
export function readRecordedInputs(label: string | undefined): RecordedInputs | null {
  return readRecord(recordedSchema, label);
}

/**
 * What differs, for people, the most telling first.
 * @param mappings files are called what they are called in the checkout.
 */
export function changesSince(
  former: RecordedInputs,
  inputs: Inputs,
  mappings: readonly FileMapping[],
): readonly string[] {
  const changes: string[] = [];
  if (former.platform !== inputs.platform) changes.push(`platform ${former.platform} is now ${inputs.platform}`);
  if (former.base !== inputs.base) changes.push(`the base moved to ${inputs.base.slice(0, 19)}`);
  if (former.python !== inputs.python) {
    changes.push(`Python ${former.python ?? "of the base"} is now ${inputs.python ?? "the base's"}`);
  }
  if (former.requirements !== inputs.requirements) changes.push("the requirements changed");
  if (former.groups.join(" ") !== inputs.groups.join(" ")) changes.push("the dependency groups changed");
  for (const folder of new Set([...Object.keys(former.localPackages), ...Object.keys(inputs.localPackages)])) {
    const now = inputs.localPackages[folder]?.slice(0, 8);
    if (now !== former.localPackages[folder]) changes.push(`the package in ${showPath(folder)} changed`);
  }
  if (former.prepare !== (inputs.prepare.length === 0 ? null : short(inputs.prepare))) {
    changes.push("the `prepare` commands changed");
  }
  if (former.user !== inputs.user) {
    changes.push(`the user ${former.user ?? "of the base"} is now ${inputs.user ?? "the base's"}`);
  }
  if (former.workdir !== inputs.workdir) changes.push(`the working folder is now ${showPath(inputs.workdir)}`);
  if (former.environment !== short(inputs.environment)) changes.push("the environment changed");
  return [...changes, ...changedFiles(former.files, inputs.files, mappings)];
}

const shownFiles = 5;

/** Which files differ; names are those of the checkout. */
export function changedFiles(
  former: RecordedInputs["files"],
  files: Inputs["files"],
  mappings: readonly FileMapping[],
): readonly string[] {
  if (former === null) return ["files changed, too many to tell which"];
  const [before, now] = [new Map(Object.entries(former)), new Map(Object.entries(files))];
  const changed = [...new Set([...before.keys(), ...now.keys()])].sort().flatMap((path) => {
    const [old, content] = [before.get(path), now.get(path)];
    const name = showPath(nameInCheckout(path, mappings));
    if (content === undefined) return [`${name} removed`];
    if (old === undefined) return [`${name} added`];
    return old === short(content) ? [] : [`${name} changed`];
  });
  const more = changed.length - shownFiles;
  return more > 0 ? [...changed.slice(0, shownFiles), `and ${more} more files`] : changed;
}

/** What a path of the image is called in the checkout; as in the image when it was made from nothing there. */
function nameInCheckout(path: string, mappings: readonly FileMapping[]): string {
  const absolute = `/${path}`;
  const mapping = mappings.findLast(({ to }) => absolute === to || absolute.startsWith(`${withoutSlash(to)}/`));
  if (mapping === undefined) return absolute;
  return `${withoutSlash(mapping.from)}${absolute.slice(withoutSlash(mapping.to).length)}`.replace(/^\.\//, "");
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}

/** Names of files come from whoever wrote the commit: what is not a plain name is shown in JSON's escapes. */
export function showPath(path: string): string {
  return /^[\w./@+ -]+$/.test(path) ? path : JSON.stringify(path).replaceAll(/[^\x20-\x7e]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
