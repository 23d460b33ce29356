import * as z from "zod";
import { changedFiles, showPath } from "../compare.ts";
import { readRecord, short, shortened, writeRecord } from "../record.ts";
import type { DockerInputs } from "./inputs.ts";

const recordedSchema = z.object({
  platform: z.string(),
  dockerfile: z.string(),
  target: z.string().nullable(),
  arguments: z.record(z.string(), z.string()),
  secrets: z.string(),
  provenance: z.string(),
  images: z.record(z.string(), z.string()),
  lock: z.string().optional(),
  /** Null when there were too many to list. */
  files: z.record(z.string(), z.string()).nullable(),
});
/** The inputs of an image in short, as its label tells them: enough to say what has changed since. */
export type RecordedDockerInputs = z.infer<typeof recordedSchema>;

/** What the label says. A pure function of the inputs. Values of arguments are told apart, and not told. */
export function recordDockerInputs(inputs: DockerInputs): string {
  const { platform, dockerfile, target, secrets, provenance, images, files } = inputs;
  const recorded: RecordedDockerInputs = {
    platform,
    dockerfile: short(dockerfile),
    target,
    arguments: shortened(inputs.arguments),
    secrets: short(secrets),
    provenance,
    images: shortened(images),
    ...(inputs.lock === undefined ? {} : { lock: inputs.lock }),
    files: shortened(files),
  };
  return writeRecord(recorded);
}

/** Reads the label of an image. @returns null when it has none, or another way or version wrote it. */
export function readRecordedDockerInputs(label: string | undefined): RecordedDockerInputs | null {
  return readRecord(recordedSchema, label);
}

/**
 * What differs, for people, the most telling first.
 * @param context the folder that is sent to the build: files are called what they are called in the checkout.
 */
export function changesInBuild(
  former: RecordedDockerInputs,
  inputs: DockerInputs,
  { context, dockerfile }: { readonly context: string; readonly dockerfile: string },
): readonly string[] {
  const changes: string[] = [];
  if (former.platform !== inputs.platform) changes.push(`platform ${former.platform} is now ${inputs.platform}`);
  if (former.dockerfile !== short(inputs.dockerfile)) changes.push(`${showPath(dockerfile)} changed`);
  if (former.target !== inputs.target) {
    changes.push(`the target ${former.target ?? "(the last stage)"} is now ${inputs.target ?? "the last stage"}`);
  }
  changes.push(...changedNames(former.arguments, shortened(inputs.arguments), (name) => `argument ${name}`));
  changes.push(...changedNames(former.images, shortened(inputs.images), (name) => `the image ${showReference(name)}`));
  if (former.lock !== inputs.lock) changes.push("the lock file changed");
  if (former.secrets !== short(inputs.secrets)) changes.push("other secrets are given to the build");
  if (former.provenance !== inputs.provenance) changes.push(`provenance is now ${inputs.provenance}`);
  return [...changes, ...changedFiles(former.files, inputs.files, [{ from: context, to: "/" }])];
}

function showReference(reference: string): string {
  return /^[\w./@:-]+$/.test(reference) ? reference : showPath(reference);
}

function changedNames(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  show: (name: string) => string,
): readonly string[] {
  const [old, given] = [new Map(Object.entries(before)), new Map(Object.entries(now))];
  return [...new Set([...old.keys(), ...given.keys()])].sort().flatMap((name) => {
    if (!given.has(name)) return [`${show(name)} is gone`];
    if (!old.has(name)) return [`${show(name)} is new`];
    return old.get(name) === given.get(name) ? [] : [`${show(name)} changed`];
  });
}
