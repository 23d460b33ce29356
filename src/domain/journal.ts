import * as z from "zod";
import { dagsBeforeSchema } from "./dags.ts";
import { digestSchema, instantSchema, releaseIdSchema } from "./identifiers.ts";
import { instigatorsSchema, jobsSchema } from "./instigators.ts";
import { releaseSchema } from "./release.ts";

const revisionSchema = z.strictObject({ family: z.string(), revision: z.int().positive() });

/** Who holds the lock or made a record: a job of a workflow run, or a person. */
const ownerSchema = z.strictObject({
  /** Same text, same owner: `owner/name/run/123/job/deploy`, or `person/anna@laptop`. */
  name: z.string().min(1).max(300),
  /** Attempt of the workflow run; 1 for a person. */
  attempt: z.int().positive(),
  /** Tells jobs of one name apart: legs of a matrix, two calls of one workflow. null: there is one such job. */
  job: z.string().max(100).nullable().default(null),
  url: z.string().nullable(),
  /** The workflow run, so that it can be asked whether it is over; null for a person. */
  run: z.strictObject({ repository: z.string(), id: z.int().positive() }).nullable(),
});
export type Owner = z.infer<typeof ownerSchema>;

/** Where the repositories of a workflow run can be looked at, `https://github.com`; null: nobody knows. */
export function webOf({ url }: Pick<Owner, "url">): string | null {
  return url === null ? null : new URL(url).origin;
}

/** What one service was before the release touched it. */
const beforeSchema = z.strictObject({
  service: z.string(),
  taskDefinition: revisionSchema.nullable(),
  desiredCount: z.int().nonnegative(),
  /** What its containers ran, by name, where the definition names an image by a tag and one digest is known. */
  digests: z.record(z.string(), digestSchema).optional(),
});
export type Before = z.infer<typeof beforeSchema>;

const commandSchema = z.enum(["deploy", "rollback"]);

const intentObject = z.strictObject({
  schema: z.literal(2),
  kind: z.literal("intent"),
  command: commandSchema,
  release: releaseSchema,
  /**
   * By service key; what a service replaces is `replaced/<its key>`. Where an interrupted release is gone on from, what was before
   * that one.
   */
  before: z.record(z.string(), beforeSchema),
  /** The version of DAGs that each location had, by its name, as for `before`; null: it had none. Records of before have none at all. */
  pointers: z.record(z.string(), dagsBeforeSchema.nullable()).default({}),
  /** Hash of the plan that somebody had looked at before; null: nobody had. */
  approved: z.string().max(100).nullable().default(null),
  /** Schedules and sensors before it, by location; null: nobody could be asked. */
  instigators: instigatorsSchema.nullable(),
  /** How many jobs each location had then, those that Dagster makes of assets among them; null: not known. */
  jobs: jobsSchema.nullable().default(null),
  /** Releases that were cut, and that this one goes on from. */
  continues: z.array(releaseIdSchema),
  owner: ownerSchema,
  at: instantSchema,
});

/** What a release was going to do. Reads what any version has written: the first one did not note schedules and sensors. */
export const intentSchema = z.preprocess(
  (record) => (isOfVersionOne(record) ? { ...record, schema: 2, instigators: null } : record),
  intentObject,
);
export type Intent = z.infer<typeof intentSchema>;

function isOfVersionOne(record: unknown): record is object {
  return typeof record === "object" && record !== null && "schema" in record && record.schema === 1;
}

/**
 * - `committed`: the release runs, and is current.
 * - `taken-back`: it failed, and all that moved is as it was.
 * - `failed`: it failed, and something is not as it was; the record says what.
 * - `abandoned`: cut, and closed later by somebody else.
 */
const outcomeKindSchema = z.enum(["committed", "taken-back", "failed", "abandoned"]);
export type OutcomeKind = z.infer<typeof outcomeKindSchema>;

/** How one service ended; evidence stays in the log and the summary, since it may hold anything. */
const serviceOutcomeSchema = z.strictObject({
  /** Its key. */
  service: z.string(),
  verdict: z.enum(["succeeded", "unchanged", "rolled-back", "failed", "superseded", "timed-out", "cancelled"]),
  from: revisionSchema.nullable(),
  to: revisionSchema.nullable(),
  digests: z.record(z.string(), digestSchema),
  cause: z.string().nullable(),
  /** It was taken back, and is (or is not) as it was before; null: it was left as it is. */
  takenBack: z.boolean().nullable(),
});
export type ServiceOutcome = z.infer<typeof serviceOutcomeSchema>;

/** How a release ended. */
export const outcomeSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal("outcome"),
  command: commandSchema,
  outcome: outcomeKindSchema,
  release: releaseSchema,
  services: z.array(serviceOutcomeSchema),
  /**
   * How long ECS took to replace each service that it has rolled, by its key, in seconds: in this release, else in the last committed one
   * that did. Only in records of committed ones; those of before have none.
   */
  rolledIn: z.record(z.string(), z.number().nonnegative()).optional(),
  /** Id of the cause when it is red; what it means is in the run's summary. */
  cause: z.string().nullable(),
  owner: ownerSchema,
  at: instantSchema,
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** The committed release that runs. */
export const currentSchema = z.strictObject({
  schema: z.literal(1),
  release: releaseIdSchema,
  previous: releaseIdSchema.nullable(),
  at: instantSchema,
});
export type Current = z.infer<typeof currentSchema>;

/** Who may write to the stack now, and which releases may not have ended. It is never removed: who comes next reads what was left. */
export const lockSchema = z.strictObject({
  schema: z.literal(1),
  /** null: nobody; anybody may take it. */
  holder: ownerSchema.nullable(),
  /** When it was taken, or given back. */
  since: instantSchema,
  /** It is over when nothing was written here for so long, by the bucket's own clock. */
  leaseSeconds: z.int().positive(),
  /** Releases that were begun and may not have ended, oldest first. */
  open: z.array(releaseIdSchema),
  /** When it was last taken away from its holder: from whom, by whom, why; null: it never was. */
  taken: z.strictObject({ from: ownerSchema, by: z.string(), why: z.string().max(1000) }).nullable(),
});
export type Lock = z.infer<typeof lockSchema>;
