import * as z from "zod";
import { type Untrusted, untrusted } from "../../domain/evidence.ts";
import type { RepositoryContent } from "./defined.ts";
import { parsedJson } from "../../domain/json.ts";

const most = 20_000;
const name = z.string().min(1).max(1000);
const names = z.array(name).max(most);

const repository = z.object({
  name,
  jobs: z.array(z.object({ name })).max(most),
  schedules: z
    .array(z.object({ name, job: name, cron: z.string().max(1000), timezone: z.string().max(100) }))
    .max(most),
  sensors: z.array(z.object({ name, type: z.string().max(100), jobs: names })).max(most),
  assets: z
    .array(
      z.object({
        key: z.array(name).min(1).max(100),
        group: z.string().max(1000),
        isMaterializable: z.boolean(),
        partitions: z.string().max(1000).nullable(),
      }),
    )
    .max(most),
});

const failure = z.object({
  words: z.string().max(1000),
  module: z.string().max(200).nullable(),
  place: z.string().max(1000).nullable(),
});

/** What `definitions/describe.py` writes. A later version may add members. */
const written = z.object({
  format: z.literal(1),
  location: name.nullable(),
  repositories: z.array(repository).max(100).optional(),
  failure: failure.optional(),
});

/** What code defines, by its own account. */
export type Description =
  | {
      readonly kind: "described";
      readonly location: string | null;
      readonly repositories: readonly RepositoryContent[];
    }
  /** It does not load. */
  | {
      readonly kind: "failed";
      readonly location: string | null;
      /** Of whoever raised it first. */
      readonly words: Untrusted;
      /** Module that was not found; null: something else is wrong. */
      readonly module: Untrusted | null;
    };

/**
 * Reads what the program has written. Whoever wrote the code may have written it, too: it is text to be compared and shown, and no more.
 * @param withoutPrefix what places begin with, and nobody wants to see
 * @returns what is wrong with it, as the end of a sentence, when it is something else
 */
export function parseDescription(text: string, withoutPrefix = ""): Description | string {
  const parsed = written.safeParse(parsedJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `it is not what definitions/describe.py writes (${issue?.path.map(String).join(".") || "all of it"}: ${issue?.message ?? ""})`;
  }
  const { location, repositories, failure: failed } = parsed.data;
  if (failed !== undefined) {
    const { words, place, module } = failed;
    const at =
      place === null ? "" : ` (${place.startsWith(withoutPrefix) ? place.slice(withoutPrefix.length) : place})`;
    return {
      kind: "failed",
      location,
      words: untrusted(`${words}${at}`),
      module: module === null ? null : untrusted(module),
    };
  }
  if (repositories === undefined) return "it names neither repositories nor a failure";
  const content = repositories.map(({ jobs, ...others }) => ({ ...others, jobs: jobs.map((job) => job.name) }));
  return { kind: "described", location, repositories: content };
}
