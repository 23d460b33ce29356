import { type DagsPointer, dagsKeys, type DagsVersion } from "../domain/dags.ts";
import type { Finding } from "../domain/finding.ts";
import type { Stored } from "../aws/bucket.ts";
import { compareFiles, type DagsChanges } from "./compare.ts";
import type { DagsObservation, ReturnObservation } from "./observe.ts";

/** What it takes until a location serves the code of the checkout. */
export interface DagsPlan {
  readonly location: string;
  readonly version: DagsVersion;
  /** Its archive and its manifest are to be written; false: the version was published before. */
  readonly publishes: boolean;
  /** What is served now; null: nothing was ever. */
  readonly served: DagsPointer | null;
  /** Null: it is served already. */
  readonly switches: Switch | null;
  readonly changes: DagsChanges;
  readonly findings: readonly Finding[];
}

/** The pointer that is to be replaced: null when there is none yet. */
export interface Switch {
  readonly key: typeof dagsKeys.pointer;
  readonly from: {
    readonly version: DagsVersion;
    readonly etag: string;
    /** As the pointer has it. */
    readonly until?: DagsPointer["until"];
  } | null;
  readonly to: Pick<DagsPointer, "version" | "previous" | "source" | "run">;
}

/** What will be done about the code of a location: nothing is written by it. */
export function planDags(observation: DagsObservation): DagsPlan {
  const { request, version, pointer, published, changes } = observation;
  const { source, run } = request;
  return {
    location: request.location,
    version,
    publishes: !published,
    served: pointer?.value ?? null,
    switches: switchTo(pointer, { version, source, run }),
    changes,
    findings: [
      ...secrets(observation),
      ...broken(observation),
      ...shrunk(observation),
      ...otherLock(observation),
      ...invalid(observation),
    ],
  };
}

/** What going back to an earlier version does: it was checked when it was published. */
export function planReturn({ request, pointer, served, wanted }: ReturnObservation): DagsPlan {
  const { version, source } = wanted;
  return {
    location: request.location,
    version,
    publishes: false,
    served: pointer.value,
    switches: switchTo(pointer, { version, source, run: request.run }),
    changes: compareFiles(served?.files ?? null, wanted.files),
    findings: [],
  };
}

function switchTo(
  pointer: Stored<DagsPointer> | null,
  to: Pick<DagsPointer, "version" | "source" | "run">,
): Switch | null {
  if (pointer === null) return { key: dagsKeys.pointer, from: null, to: { ...to, previous: null } };
  const { value, etag } = pointer;
  if (value.version === to.version) return null;
  return {
    key: dagsKeys.pointer,
    from: { version: value.version, etag, until: value.until },
    to: { ...to, previous: value.version },
  };
}

/** Whoever may read the prefix reads every version that is kept. */
function secrets({ secretFiles }: DagsObservation): readonly Finding[] {
  return secretFiles.map(({ path, why, where }) => ({
    id: "secret-in-dags",
    level: "error",
    where,
    what: `${path} would go to S3, and looks as if it held a secret: ${why}.`,
    fix: "Take it out of the folder, and name the secret under `secrets` of the service. When it is none, say so: `allow: secret-in-dags`.",
  }));
}

function broken({ syntaxFaults }: DagsObservation): readonly Finding[] {
  return syntaxFaults.map(({ where, what }) => ({
    id: "dags-broken",
    level: "error",
    where,
    what: `Python cannot compile it: ${what}.`,
    fix: "Mend it. When the image has a newer Python than this job, put actions/setup-python with that one before this step.",
  }));
}

/** A wrong folder, or a checkout that is not whole: what nobody would remove at once. */
function shrunk({ request, served, files, changes }: DagsObservation): readonly Finding[] {
  const before = Object.keys(served?.files ?? {}).length;
  const removed = changes.removed.length;
  if (before < fewFiles || removed * 2 <= before) return [];
  return [
    {
      id: "dags-shrunk",
      level: "error",
      where: request.place,
      what: `Of the ${before} files of location ${request.location} that are served, ${removed} are gone from ${request.directory}, which has ${Object.keys(files).length}.`,
      fix: "Check that the folder is the one that is meant, and that the checkout is whole. When so many are to go, say so: `allow: dags-shrunk`.",
    },
  ];
}

/** Python packages come with the image: code from S3 brings none. */
function otherLock({ request, served, lock }: DagsObservation): readonly Finding[] {
  if (request.lock === null || lock === null || served === null || served.lock === null || served.lock === lock)
    return [];
  return [
    {
      id: "dags-lock",
      level: "warning",
      where: request.place,
      what: `${request.lock} is another one than that of the version which is served: this code may need packages that the running image does not have.`,
      fix: "Release an image of this lock file first, and publish the code then. Where that is done already, nothing is left to do.",
    },
  ];
}

function invalid({ request, fault }: DagsObservation): readonly Finding[] {
  if (fault === null) return [];
  return [
    {
      id: "dags-invalid",
      level: "error",
      where: request.place,
      what: `Dagster does not load the definitions of location ${request.location}: \`dagster definitions validate\` ended with ${fault.exitCode ?? "a signal"}.`,
      fix: "See what it says in the log above. Where packages or variables of the image are missing in this job: `validate: off`, or `allow: dags-invalid`.",
    },
  ];
}

/** Of fewer, more than half are soon moved in a day's work. */
const fewFiles = 10;
