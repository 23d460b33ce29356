import type * as z from "zod";
import { contentHash } from "../domain/json.ts";

/** Tells two versions of one thing apart; it identifies nothing. */
export function short(value: unknown): string {
  return contentHash(value).slice(0, 8);
}

/** Each value in short, in the order of their names. */
export function shortened(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name, short(value)]),
  );
}

/** What a label of an image says of the inputs that it was made of; `files`, when there are too many to list, is null. */
export function writeRecord(recorded: { readonly files: Readonly<Record<string, string>> | null }): string {
  const text = JSON.stringify(recorded);
  return text.length <= labelLimit ? text : JSON.stringify({ ...recorded, files: null });
}

/** Reads such a label. @returns null when an image has none, or another way or version wrote it. */
export function readRecord<T>(schema: z.ZodType<T>, label: string | undefined): T | null {
  if (label === undefined) return null;
  try {
    return schema.parse(JSON.parse(label));
  } catch {
    return null;
  }
}

/** 8 kB: about 150 files. Every release carries the label to the registry and back, and every build on its command line. */
const labelLimit = 8 * 1024;
