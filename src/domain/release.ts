import * as z from "zod";
import { dagsPrefixSchema, dagsVersionSchema } from "./dags.ts";
import { UserError } from "./errors.ts";
import { digestSchema, keySchema, platformSchema, releaseIdSchema, shaSchema } from "./identifiers.ts";
import { canonicalJson } from "./json.ts";
import { type Source, sourceSchema } from "./source.ts";

export type { Source };
export { sourceSchema };

/** An image as a release pins it. The registry's host is not part of it: it holds the account. */
export const imagePartSchema = z.strictObject({
  repository: z.string().regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, "an ECR repository name"),
  digest: digestSchema,
  /** Hash over everything that went in. */
  contentKey: z.string().regex(/^[0-9a-f]{40}$/, "40 hex digits"),
  platform: platformSchema,
  source: sourceSchema,
  /** Version of Dagster in it, as its lock file says; null when nothing tells. */
  dagster: z.string().max(50).nullable(),
});
export type ImagePart = z.infer<typeof imagePartSchema>;

/** A task definition as a release pins it. `contentHash` finds it again, or shows that it must be registered anew. */
const definitionPartSchema = z.strictObject({
  family: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/, "a task definition family"),
  revision: z.int().positive(),
  contentHash: z.string().regex(/^[0-9a-f]{64}$/, "64 hex digits"),
});

/** What a migration did. `none`: there was nothing to do. `partial`: it failed, and some of what it did stays. */
const migrationPartSchema = z.strictObject({
  state: z.enum(["done", "partial", "none"]),
  /** Content key of the image whose migrations these are. */
  contentKey: z.string().regex(/^[0-9a-f]{40}$/, "40 hex digits"),
  /** Whether the schema is where that image wants it, whichever release brought it there. */
  whole: z.boolean().default(true),
  /** Content key of the older image that a rollback lets run on this schema; null: it is that image's own. */
  runsOlder: z
    .string()
    .regex(/^[0-9a-f]{40}$/, "40 hex digits")
    .nullable()
    .default(null),
  /** Hash of what is run in that image: tool, command, working folder. Records of before have null, which is like any. */
  settings: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "64 hex digits")
    .nullable()
    .default(null),
  /** Revisions that the schema is at, sorted; null when the tool does not tell them. */
  heads: z.array(z.string().max(200)).nullable(),
  /**
   * Revisions after which only additions follow up to the head of the schema, newest first, the head itself among them: code that
   * knew the schema at one of these lives with it as it is. Empty when that was not looked at, and in records of before that.
   */
  addsSince: z.array(z.string().max(200)).default([]),
});
export type MigrationPart = z.infer<typeof migrationPartSchema>;

/** The code of a location that lies in S3, as a release finds or leaves it. */
const dagsPartSchema = z.strictObject({
  /** Key prefix in the stack's bucket. */
  prefix: dagsPrefixSchema,
  version: dagsVersionSchema,
  source: sourceSchema,
  /** `itself`: another repository switches it whenever it likes, and a release of the stack only notes what it saw. */
  releasedBy: z.enum(["stack", "itself"]),
  /** How processes had it; records of before do not say. */
  layout: z.enum(["versioned", "both", "mirror"]).optional(),
  /** Key prefix of its plain files, where they were kept. */
  mirrorPrefix: dagsPrefixSchema.optional(),
  /** How webserver and daemon find it by their list of locations; absent: they do not load it, or were started with its name. */
  listed: z.strictObject({ module: z.string().min(1), pollSeconds: z.number().positive() }).optional(),
});
export type DagsPart = z.infer<typeof dagsPartSchema>;

/** What a record notes of a layout, of a part that notes it or of a stack file; nothing, where neither says. */
export function layoutOf(
  one: Pick<DagsPart, "layout" | "mirrorPrefix"> | undefined,
): Pick<DagsPart, "layout" | "mirrorPrefix"> {
  const { layout, mirrorPrefix } = one ?? {};
  if (layout === undefined) return {};
  return layout === "versioned" || mirrorPrefix === undefined ? { layout } : { layout, mirrorPrefix };
}

/**
 * Everything that pins one version of a stack. Travels from step to step as JSON, so it holds no ARN, account id, URL, log
 * text or environment value: a job output that contains a masked text is dropped by the runner without a word.
 */
const releaseObject = z.strictObject({
  schema: z.literal(2),
  id: releaseIdSchema,
  stack: keySchema,
  environment: keySchema,
  /** The release that was current when this one was begun; null for the first. */
  base: releaseIdSchema.nullable(),
  /** What it was begun for. */
  source: sourceSchema,
  /** The newest commit of each repository that anything in it may come from: going forward never goes behind one of them. */
  sources: z.record(sourceSchema.shape.repository, shaSchema),
  /** Components that it was about, the others being those of its base; null: the whole stack. */
  only: z.array(keySchema).nullable(),
  /** The release of another environment whose images these are; null: its own. */
  promotes: z.strictObject({ environment: keySchema, release: releaseIdSchema }).nullable(),
  /**
   * Commit of the stack file, which a promotion takes from the checkout; kept by releases of a part that come after one. null: it is
   * that of `source`. Not in `sources`: images of an older commit may go forward beside it.
   */
  stackFile: sourceSchema.nullable(),
  /** Version of the contract that its definitions were made under; null when the contract has none. */
  contract: z.int().nonnegative().nullable(),
  images: z.record(keySchema, imagePartSchema),
  /**
   * Images that services run although the stack's own is a newer one, by the key of the service: with `moves-with: dagster` a
   * process stays where it is while nothing of Dagster changes.
   */
  kept: z.record(keySchema, imagePartSchema),
  /** By definition: `service/<key>`, `run/<location>`, `once/<image>`. */
  taskDefinitions: z.record(
    z.string().regex(/^(service|run|once)\/[A-Za-z0-9][\w.-]*$/, "service/…, run/… or once/…"),
    definitionPartSchema,
  ),
  migrations: z.record(keySchema, migrationPartSchema),
  /** By location; in records of before there is none. */
  dags: z.record(z.string().min(1).max(255), dagsPartSchema).default({}),
});

/** Reads what any version has written, in the shape of this one. */
export const releaseSchema = z.preprocess(upgraded, releaseObject);
export type Release = z.infer<typeof releaseSchema>;

/** 64 KiB: an input is an environment string, and Linux refuses one of 128 KiB. */
export const releaseLimitBytes = 64 * 1024;

/** Do two releases pin the same? Whatever pinned one-off definitions, which nothing runs, is left out. */
export function samePins(a: Release, b: Release): boolean {
  const pins = ({ images, taskDefinitions, migrations, dags }: Release): string =>
    canonicalJson({
      images: Object.fromEntries(Object.entries(images).map(([key, { digest }]) => [key, digest])),
      taskDefinitions: Object.fromEntries(
        Object.entries(taskDefinitions).filter(([definition]) => !definition.startsWith("once/")),
      ),
      migrations: Object.fromEntries(Object.entries(migrations).map(([key, { contentKey }]) => [key, contentKey])),
      // What another repository releases moves by itself.
      dags: Object.fromEntries(
        Object.entries(dags).flatMap(([location, { version, releasedBy }]) =>
          releasedBy === "stack" ? [[location, version]] : [],
        ),
      ),
    });
  return pins(a) === pins(b);
}

/** Do both run the same, whatever databases are at? What was migrated since is no other version of the stack. */
export function runsSame(a: Release, b: Release): boolean {
  return samePins({ ...a, migrations: b.migrations }, b);
}

/** Does what is current say already what a release would? Under another contract it is looked at anew, and recorded. */
export function saysAlready(current: Release | null, target: Release): boolean {
  if (current === null || !samePins(current, target)) return false;
  return current.contract === null || current.contract === target.contract;
}

/** Names of the migrations that changed a database in this very release. */
export function migratedBy({ migrations }: Release): readonly string[] {
  return Object.entries(migrations).flatMap(([name, { state }]) => (state === "none" ? [] : [name]));
}

/** Every image that a release needs, by what names it: the key of the image, or {@link keptName} for one that a service keeps. */
export function imagesOf({ images, kept }: Pick<Release, "images" | "kept">): Readonly<Record<string, ImagePart>> {
  const ofServices = Object.entries(kept).map(([key, part]) => [keptName(key), part] as const);
  return { ...images, ...Object.fromEntries(ofServices) };
}

/** What names the image that a service keeps, beside the keys of images. No image can be called so. @param key of the service */
export function keptName(key: string): string {
  return `service/${key}`;
}

/** The image that a service of a release runs; undefined when the release has none. */
export function imageOf(
  { images, kept }: Pick<Release, "images" | "kept">,
  service: { readonly key: string; readonly image: string },
): ImagePart | undefined {
  return kept[service.key] ?? images[service.image];
}

/** What an earlier release has migrated, for the record of one that did not: it leaves the schema as it is, half done or not. */
export function notRun(migrations: Release["migrations"]): Release["migrations"] {
  return Object.fromEntries(
    Object.entries(migrations).map(([name, part]) => [name, { ...part, state: "none", whole: isWhole(part) }]),
  );
}

/** Is a schema known to be where the image of its migrations wants it? */
export function isWhole({ state, whole }: Pick<MigrationPart, "state" | "whole">): boolean {
  return whole && state !== "partial";
}

/**
 * What is known of schemas when an earlier release runs on them again: its images live with what newer ones have migrated.
 * @param migrations what was done to each database until now
 */
export function leftTo({ migrations: known }: Release, migrations: Release["migrations"]): Release["migrations"] {
  return Object.fromEntries(
    Object.entries(notRun(migrations)).map(([name, part]) => {
      const older = known[name]?.runsOlder ?? known[name]?.contentKey ?? null;
      return [name, { ...part, runsOlder: older === part.contentKey ? null : older }];
    }),
  );
}

/** A release that has begun and has no parts yet: of a whole stack from one repository, unless it says otherwise. */
export function emptyRelease(
  head: Pick<Release, "id" | "stack" | "environment" | "base" | "source"> &
    Partial<Pick<Release, "sources" | "only" | "promotes" | "stackFile" | "contract">>,
): Release {
  const { repository, sha } = head.source;
  const whole = { sources: { [repository]: sha }, only: null, promotes: null, stackFile: null, contract: null };
  return { schema: 2, ...whole, ...head, images: {}, kept: {}, taskDefinitions: {}, migrations: {}, dags: {} };
}

/** Bytes of the release as text. */
export function releaseBytes(release: Release): number {
  return Buffer.byteLength(canonicalJson(release));
}

/**
 * The release as text for an output.
 * @throws UserError above 64 KiB; Error when it holds what the runner could mask away, which is a bug.
 */
export function serializeRelease(release: Release): string {
  const text = canonicalJson(release);
  const size = releaseBytes(release);
  if (size > releaseLimitBytes) {
    throw new UserError({
      what: `This release takes ${size} bytes; an output that travels between steps may take ${releaseLimitBytes}.`,
      where: `stack ${release.stack}`,
      fix: "Leave the release input of the next steps empty: each derives it anew from the registry, ECS and the bucket. Or split the stack.",
    });
  }
  // Twelve digits alone may be part of a name; no name holds a colon, and none is the host of a registry.
  const suspicious = /arn:aws|:\/\/|\d{12}\.dkr\.ecr/.exec(text);
  if (suspicious !== null)
    throw new Error(`a release must not hold ${suspicious[0]}: the runner may mask it, and then drops the output`);
  return text;
}

/**
 * Reads what {@link serializeRelease} wrote.
 * @throws UserError with the path of the first member that is not as it should be.
 */
export function parseRelease(text: string): Release {
  const where = "input release";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const fix = "Pass the release output of an earlier step, unchanged; or leave the input empty to derive it anew.";
    throw new UserError({ what: "The release is not JSON.", where, fix }, { cause });
  }
  const result = releaseSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new UserError({
    what: `The release cannot be read: ${issue?.path.map(String).join(".") || "its top level"}: ${issue?.message ?? "unknown"}.`,
    where,
    fix: "Pass the release output of an earlier step of the same version of these actions, unchanged; or leave the input empty to derive it anew.",
  });
}

/** Version 1 knew one source, one image for all who use it, no versions of Dagster or of the contract, and no heads of schemas. */
function upgraded(record: unknown): unknown {
  if (!isRecord(record) || record["schema"] !== 1) return record;
  const { source, images, migrations } = record;
  const withNull = (key: string, values: unknown): unknown =>
    isRecord(values)
      ? Object.fromEntries(
          Object.entries(values).map(([name, value]) => [name, isRecord(value) ? { [key]: null, ...value } : value]),
        )
      : values;
  const { repository, sha } = isRecord(source) ? source : {};
  return {
    ...record,
    schema: 2,
    sources: { [String(repository)]: sha },
    only: null,
    promotes: null,
    stackFile: null,
    contract: null,
    images: withNull("dagster", images),
    kept: {},
    migrations: withNull("heads", migrations),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
