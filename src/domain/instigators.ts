import * as z from "zod";
import { contentHash } from "./json.ts";
import { isSecretValue } from "./redaction.ts";

/** Dagster's word for what starts runs by itself: schedules and sensors. Their state is stored under location, repository and name. */
export const instigatorSchema = z.strictObject({
  kind: z.enum(["schedule", "sensor"]),
  repository: z.string(),
  name: z.string(),
  /** Dagster's `InstigationStatus`. */
  status: z.enum(["RUNNING", "STOPPED"]),
  /** Somebody has turned it on or off, so that its status is not what the code says (`canReset`). */
  byHand: z.boolean(),
  /** How far a sensor has come; null: it has no cursor. `text` is null when it is too long to be kept, or looks like a secret. */
  cursor: z.strictObject({ hash: z.string(), text: z.string().nullable() }).nullable(),
});
export type Instigator = z.infer<typeof instigatorSchema>;

/** By location; one that did not load, or was not there, has no entry. */
export const instigatorsSchema = z.record(z.string(), z.array(instigatorSchema));
export type Instigators = z.infer<typeof instigatorsSchema>;

/** Number of jobs, by location; one that did not load, or was not there, has no entry. */
export const jobsSchema = z.record(z.string(), z.int().nonnegative());
export type Jobs = z.infer<typeof jobsSchema>;

/** Cursors that are longer are known by their hash only: those of automation conditions have megabytes. In characters. */
const longestCursor = 4000;

/** What is kept of a cursor. */
export function keptCursor(text: string): NonNullable<Instigator["cursor"]> {
  const isKept = text.length <= longestCursor && !isSecretValue(text);
  return { hash: contentHash(text), text: isKept ? text : null };
}
