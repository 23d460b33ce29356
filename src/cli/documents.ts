import * as z from "zod";
import { levelSchema } from "../domain/finding.ts";
import { releaseIdSchema, shaSchema } from "../domain/identifiers.ts";

// What `--json` prints, command by command: schemas/command-line.schema.json is made of it. A later version may add members, and takes
// none away.

const finding = z.object({
  id: z.string(),
  level: levelSchema,
  what: z.string(),
  where: z.string(),
  fix: z.string(),
});

/** What a plan would do, or what a release has done. */
const release = z.object({
  stack: z.string(),
  environment: z.string(),
  release: releaseIdSchema,
  commit: shaSchema,
  /** The release that is current when it begins. */
  base: releaseIdSchema.nullable(),
  /** The earlier release that is to run again; null: no rollback. */
  backTo: releaseIdSchema.nullable(),
  /** null: nothing was to be done, or it was only planned. */
  outcome: z.enum(["committed", "taken-back", "failed", "abandoned"]).nullable(),
  /** Something was changed, or would be. */
  changed: z.boolean(),
  planHash: z.string(),
  steps: z.array(
    z.object({
      id: z.string(),
      /** Steps that must be done first. */
      after: z.array(z.string()),
      reason: z.string(),
      /** `planned`: nobody has begun it. */
      ended: z.enum(["planned", "done", "failed", "left"]),
    }),
  ),
  services: z.array(
    z.object({
      service: z.string(),
      verdict: z.string(),
      from: z.string().nullable(),
      to: z.string().nullable(),
      cause: z.string().nullable(),
      takenBack: z.boolean().nullable(),
    }),
  ),
  definitionChanges: z.array(
    z.object({
      definition: z.string(),
      family: z.string(),
      from: z.string().nullable(),
      changes: z.array(z.unknown()),
    }),
  ),
  /** What new code changes among Dagster's definitions, by location; empty: nobody asked. */
  dagsterDefinitions: z.record(
    z.string(),
    z.object({
      kind: z.enum(["compared", "stays", "not-compared"]),
      /** Why it was not compared; null: it was. */
      why: z.string().nullable(),
      /** What the code said itself, where it does not load; text of others. */
      quoted: z.string().nullable(),
      fix: z.string().nullable(),
      /** How many definitions new code has; null: it was not compared. */
      count: z.int().nullable(),
      /** What a deploy does about state that would be lost. */
      onLoss: z.enum(["stopped", "allowed", "told", "not-looked-at"]).nullable(),
      changes: z.array(z.unknown()),
    }),
  ),
  findings: z.array(finding),
});
export type ReleaseDocument = z.input<typeof release>;

const pastRelease = z.object({
  id: z.string(),
  ended: z.enum(["committed", "taken-back", "failed", "abandoned", "under way", "interrupted"]),
  command: z.enum(["deploy", "rollback"]).nullable(),
  commit: z.string(),
  by: z.string().nullable(),
  at: z.string(),
  cause: z.string().nullable(),
  isCurrent: z.boolean(),
  next: z.string().nullable(),
});

const status = z.object({
  stack: z.string(),
  environment: z.string(),
  /** The release that is current. */
  release: z.string().nullable(),
  commit: z.string().nullable(),
  services: z.array(
    z.object({
      service: z.string(),
      /** Its name in ECS; null: it does not exist. */
      name: z.string().nullable(),
      runs: z.string().nullable(),
      running: z.int(),
      desired: z.int(),
      deployment: z.string().nullable(),
    }),
  ),
  /** What readers of code in S3 have. */
  dags: z.array(
    z.object({
      location: z.string(),
      /** null: nothing is served, or it is not known. */
      version: z.string().nullable(),
      repository: z.string().nullable(),
      commit: z.string().nullable(),
      since: z.string().nullable(),
      releasedBy: z.enum(["stack", "itself"]),
      /** Why it is not known; null: it is. */
      unknown: z.string().nullable(),
      /** What the record of its plain files says; null: there is none. */
      plain: z
        .object({
          /** Those that are whole are of it; null: it is not known. */
          version: z.string().nullable(),
          /** `writing`: they are mixed, as a run is at them, or was cut. `late`: some may be another run's. */
          state: z.enum(["whole", "writing", "late"]).nullable(),
          /** Why it is not known; null: it is. */
          unknown: z.string().nullable(),
        })
        .nullable(),
    }),
  ),
  drift: z.array(
    z.object({
      service: z.string().nullable(),
      /** The location whose code in S3 it is about. */
      location: z.string().optional(),
      kind: z.string(),
      what: z.string(),
      remedy: z.string(),
    }),
  ),
  findings: z.array(finding),
  history: z.array(pastRelease),
  holder: z.object({ name: z.string(), since: z.string(), leftSeconds: z.number() }).nullable(),
});
export type StatusDocument = z.input<typeof status>;

const unlocked = z.object({
  /** null: nobody held the lock. */
  holder: z.string().nullable(),
  taken: z.boolean(),
  unfinished: z.array(z.string()),
});
export type UnlockedDocument = z.input<typeof unlocked>;

const cleanUp = z.object({
  /** Task definitions that went, or would go. */
  oldRevisions: z.array(z.string()),
  /** There are more. */
  isMore: z.boolean(),
  /** Those of runs were left alone. */
  leavesRuns: z.boolean(),
});
export type CleanUpDocument = z.input<typeof cleanUp>;

const history = z.object({ releases: z.array(pastRelease) });
export type HistoryDocument = z.input<typeof history>;

const url = z.object({
  webservers: z.array(z.object({ service: z.string(), url: z.string().nullable(), inside: z.string().nullable() })),
});
export type UrlDocument = z.input<typeof url>;

const locations = z.object({
  locations: z.array(
    z.object({
      location: z.string(),
      services: z.array(z.string()),
      image: z.string(),
      address: z.string().nullable(),
      released: z.object({ repository: z.string(), commit: z.string() }).nullable(),
    }),
  ),
});
export type LocationsDocument = z.input<typeof locations>;

const synced = z.object({
  locations: z.array(
    z.object({
      location: z.string(),
      /** A hash over its files, 40 hex digits. */
      version: z.string(),
      /** What was served before; null: nothing. */
      previousVersion: z.string().nullable(),
      /** Something was switched or written, or would be. */
      changed: z.boolean(),
      outcome: z.enum(["planned", "unchanged", "switched", "served"]),
      files: z.object({
        added: z.array(z.string()),
        changed: z.array(z.string()),
        removed: z.array(z.string()),
      }),
      /** Old versions that were removed, or would be. */
      removedVersions: z.array(z.string()),
      findings: z.array(finding),
    }),
  ),
});
export type SyncedDocument = z.input<typeof synced>;

const changedLocation = z.object({
  location: z.string(),
  /** The stack file. */
  file: z.string(),
  /** It says something else than before, or would. */
  changed: z.boolean(),
  written: z.boolean(),
  /** Lines with their signs. */
  diff: z.array(z.string()),
  /** What to do next. */
  next: z.array(z.string()),
  /** What a removal leaves; null: it is none. */
  going: z
    .object({
      hosts: z.array(z.string()),
      /** ECS service of its code server, which goes on running. */
      service: z.string().nullable(),
      /** Addresses in S3 of what stays. */
      objects: z.array(z.string()),
      logGroups: z.array(z.string()),
      /** Releases that need its code in S3. */
      releases: z.array(z.string()),
      runs: z.array(z.object({ run: z.string(), job: z.string(), status: z.string() })),
      /** Why runs are not known, or not all; null: they are. */
      unknown: z.string().nullable(),
    })
    .nullable(),
  /** null: none was asked for. */
  release: release.nullable(),
});
export type ChangedLocationDocument = z.input<typeof changedLocation>;

const migrate = z.object({
  /** Images that migrations need, then the migrations; none: nothing is due. */
  steps: z.array(z.object({ id: z.string(), reason: z.string() })),
  /** They were carried out. */
  done: z.boolean(),
  /** What each did; `none`: there was nothing to do. */
  migrations: z.array(
    z.object({
      name: z.string(),
      state: z.enum(["done", "partial", "none"]),
      /** Revisions that the schema is at; null: the tool does not tell. */
      heads: z.array(z.string()).nullable(),
    }),
  ),
});
export type MigrateDocument = z.input<typeof migrate>;

const restart = z.object({
  service: z.string(),
  /** What it runs, before and after. */
  revision: z.string(),
  /** How many tasks it is to have. */
  count: z.int(),
  /** How its deployment ended; null: it was only looked at. */
  verdict: z.string().nullable(),
  /** What each gate saw; null: it was not asked. */
  gates: z.array(z.object({ gate: z.string(), on: z.string(), seen: z.string().nullable() })),
});
export type RestartDocument = z.input<typeof restart>;

const logs = z.object({
  /** Oldest first. */
  lines: z.array(
    z.object({
      /** Key of a service, or `run/<location>`; with `/<container>` where there are several. */
      source: z.string(),
      task: z.string(),
      at: z.string(),
      /** Text of others. */
      text: z.string(),
    }),
  ),
  /** There were more before these. */
  isCut: z.boolean(),
});
export type LogsDocument = z.input<typeof logs>;

/** The release that a run was of. */
const ranBy = z.object({
  id: releaseIdSchema,
  command: z.enum(["deploy", "rollback"]),
  by: z.string(),
  url: z.string().nullable(),
  repository: z.string().nullable(),
  commit: z.string().nullable(),
  digest: z.string().nullable(),
  definition: z.string().nullable(),
  /** Version of the location's code in S3 by that release; null: its code is in the image. */
  dags: z.string().nullable(),
});

const why = z.object({
  run: z.string(),
  job: z.string(),
  location: z.string().nullable(),
  status: z.string(),
  page: z.string().nullable(),
  /** null: none is known. */
  release: ranBy.nullable(),
  /** null: it had none of its own. `end`: text of ECS. */
  task: z
    .object({
      id: z.string(),
      page: z.string().nullable(),
      image: z.string(),
      end: z.string().nullable(),
      log: z.string().nullable(),
    })
    .nullable(),
  /** Text of others. */
  said: z.array(z.object({ from: z.string(), text: z.string() })),
  /** null: there is none before it, or it is a good one. */
  lastGood: z
    .object({
      run: z.string(),
      release: ranBy.nullable(),
      changes: z.array(z.object({ what: z.string(), from: z.string(), to: z.string(), details: z.array(z.string()) })),
    })
    .nullable(),
});
export type WhyDocument = z.input<typeof why>;

const doctor = z.object({ examined: z.array(z.object({ what: z.string(), seen: z.string(), isGood: z.boolean() })) });
export type DoctorDocument = z.input<typeof doctor>;

const adopted = z.object({
  stack: z.string(),
  cluster: z.string(),
  files: z.array(z.string()),
  services: z.array(
    z.object({
      service: z.string(),
      name: z.string(),
      kind: z.enum(["webserver", "daemon", "code-location"]),
      locations: z.array(z.string()),
    }),
  ),
  /** Services that run Dagster and cannot be in the stack. */
  omitted: z.array(z.object({ name: z.string(), why: z.string() })),
  guesses: z.array(z.string()),
  /** Nothing else would run. */
  isSame: z.boolean(),
  definitions: z.array(
    z.object({
      definition: z.string(),
      from: z.string().nullable(),
      differences: z.array(
        z.object({
          path: z.array(z.string()),
          /** The same image by its digest; what a release tells of its code; something else would run. */
          meaning: z.enum(["name", "told", "changes"]),
          from: z.unknown(),
          to: z.unknown(),
          hidden: z.boolean(),
        }),
      ),
    }),
  ),
  settings: z.array(z.string()),
  /** Runs that wait, without a definition of their own; null: Dagster was not asked. */
  waitingRuns: z.array(z.object({ run: z.string(), job: z.string(), location: z.string() })).nullable(),
  findings: z.array(finding),
});
export type AdoptDocument = z.input<typeof adopted>;

const imported = z.object({
  file: z.string(),
  store: z.string(),
  variables: z.array(z.object({ name: z.string(), does: z.enum(["create", "same", "overwrite", "differs"]) })),
  /** Variables that stay in the file. */
  left: z.array(z.string()),
  /** Variables without a text, which SSM cannot hold. */
  empty: z.array(z.string()),
  /** Lines for the stack file. */
  stackFile: z.array(z.string()),
  /** Revisions that hold some in plain text; null: nobody looked. */
  heldBy: z
    .array(
      z.object({
        revision: z.string(),
        status: z.enum(["ACTIVE", "INACTIVE"]),
        services: z.array(z.string()),
        names: z.array(z.string()),
      }),
    )
    .nullable(),
});
export type ImportDocument = z.input<typeof imported>;

const left = z.object({
  files: z.array(z.string()),
  calls: z.array(z.object({ service: z.enum(["ecs", "ecr", "s3"]), operation: z.string(), why: z.string() })),
  /** What the script leaves, and why. */
  stays: z.array(z.string()),
});
export type LeaveDocument = z.input<typeof left>;

/** IAM's own form. */
const policy = z.object({
  Version: z.literal("2012-10-17"),
  Statement: z.array(
    z.object({
      Sid: z.string(),
      Effect: z.literal("Allow"),
      Action: z.array(z.string()),
      Resource: z.array(z.string()),
      Condition: z.record(z.string(), z.record(z.string(), z.string())).optional(),
    }),
  ),
});

/** In the place of any other document, when it went wrong. */
const failure = z.object({
  error: z.object({
    kind: z.enum(["refused", "locked", "superseded", "no-credentials", "failed", "cancelled", "bug"]),
    what: z.string(),
    where: z.string().nullable(),
    fix: z.string().nullable(),
  }),
  /** What was planned and done until then; null: nothing. */
  release: release.nullable(),
});
export type FailureDocument = z.input<typeof failure>;

/** By the commands that print them. */
export const documents = {
  plan: release,
  deploy: release,
  migrate,
  rollback: release,
  "adopt record": release,
  adopt: adopted,
  promote: release,
  restart,
  status,
  history,
  url,
  "sync-dags": synced,
  "locations list": locations,
  "locations add": changedLocation,
  "locations update": changedLocation,
  "locations remove": changedLocation,
  "locations logs": logs,
  logs,
  why,
  doctor,
  policy,
  "clean-up": cleanUp,
  leave: left,
  "secrets import": imported,
  unlock: unlocked,
  failure,
} as const;
