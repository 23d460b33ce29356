import { posix } from "node:path";
import * as z from "zod";
import { requiredRegion } from "../aws/job.ts";
import { UserError } from "../domain/errors.ts";
import { lines, optional } from "../domain/given.ts";
import { locationSchema } from "../domain/identifiers.ts";
import { checkPublishing, type Publishing, publishing, whichDags } from "../releases/asked-dags.ts";
import type { Synced } from "../releases/sync-dags.ts";
import type { SyncedDocument } from "./documents.ts";
import { documentOfFinding } from "./release.ts";
import { asking, type ofStack } from "./request.ts";
import type { Answer, Here, OwnOptions } from "./verb.ts";

const layouts = ["versions", "mirror", "both"] as const;

/** What the stack file says of a location, where there is one. */
const instead = {
  prefix: whichDags.prefix,
  directory: optional.transform((path) => (path === null ? null : posix.normalize(path))),
  layout: optional.transform((text, context) => {
    const found = layouts.find((one) => one === text) ?? null;
    if (text === null || found !== null) return found;
    context.addIssue(`is one of ${layouts.join(", ")}`);
    return z.NEVER;
  }),
  "mirror-prefix": whichDags["mirror-prefix"],
  module: whichDags.module,
};

/** Options of `sync-dags`, and its argument: inputs of the action. */
export const syncing = {
  location: lines.refine(
    (all) => all.every((name) => locationSchema.safeParse(name).success),
    "is Dagster's name for a location: printable ASCII that begins with a letter or digit",
  ),
  bucket: optional,
  ...instead,
  ...publishing,
};

/** Those that mean something else elsewhere. */
export const ownOfSyncing: OwnOptions = {
  bucket: { text: "Bucket that readers have in DAGSTER_S3_BUCKET; empty: as the stack file says.", default: "" },
  timeout: { text: "Minutes within which the version has to be loaded.", default: "10" },
  "allow-divergent": {
    text: "Publish a commit that does not contain the one whose code is served.",
    default: "false",
  },
  "allow-dirty": { text: "Publish a folder that differs from its commit, for a trial.", default: "false" },
};

const shape = z.object(syncing);

interface Given extends z.output<typeof shape>, z.output<z.ZodObject<typeof ofStack>> {
  readonly "dry-run": boolean;
}

const place = (name: string): string => `command line: ${name === "location" ? "[location]…" : `--${name}`}`;

/** Publishes, or goes back; with a bucket one location, else those of the stack file. */
export function syncDags(given: Given, here: Here): Promise<Answer> {
  const { bucket } = given;
  return bucket === null ? syncOfStack(given, here) : syncAlone({ ...given, bucket }, here);
}

function syncOfStack(given: Given, here: Here): Promise<Answer> {
  const said = Object.keys(instead).filter((name) => given[name as keyof typeof instead] !== null);
  if (said.length > 0) {
    throw new UserError({
      what: `${said.map((name) => `\`--${name}\``).join(" and ")}: the stack file says that of a location, under \`dags\`.`,
      where: place(said[0] ?? ""),
      fix: "Change it there; or name the bucket with `--bucket`, and no stack file is read.",
    });
  }
  const one = { ...given, location: "", bucket: "", prefix: null, "mirror-prefix": null, module: "" };
  checkPublishing({ ...one, directory: "", layout: "both" }, place);
  return asking(given, here, async ({ context, connections, request }) => {
    const { isChanged, syncOfStack: sync, wordsOfSynced } = await import("../releases/work.ts");
    const { location: locations, "dry-run": isDry } = given;
    const all = await sync(context, connections, request, { locations, how: given, writes: !isDry });
    return answerOf(all, isDry, { isChanged, wordsOfSynced });
  });
}

function syncAlone(given: Given & { readonly bucket: string }, here: Here): Promise<Answer> {
  const [location, ...others] = given.location;
  if (location === undefined || others.length > 0) {
    throw new UserError({
      what: `With \`--bucket\` one location is published, and ${others.length === 0 ? "none" : given.location.length} ${others.length === 0 ? "was" : "were"} named.`,
      where: place("location"),
      fix: "Name one. Several are published as a stack file has them under `dags`.",
    });
  }
  const one: Publishing = {
    ...given,
    location,
    directory: given.directory ?? "dags",
    layout: given.layout ?? "versions",
  };
  checkPublishing(one, place);
  return asking(given, here, async ({ context, connections, request }) => {
    const work = await import("../releases/work.ts");
    const region = requiredRegion(request.job);
    await work.checkAccount(context, connections, region, request.allowedAccounts);
    const { root, repository } = request;
    const [isDry, clients] = [given["dry-run"], connections.aws(context, region)];
    const publisher = { root, repository, run: null, writes: !isDry, compare: null, place: place("directory") };
    const synced = await work.syncCheckout(context, connections, clients, one, publisher);
    const failure = work.failureOfSynced(synced);
    if (failure !== null) throw failure;
    return answerOf([synced], isDry, work);
  });
}

interface Words {
  readonly isChanged: (synced: Synced) => boolean;
  readonly wordsOfSynced: (synced: Synced) => readonly string[];
}

function answerOf(all: readonly Synced[], isDry: boolean, { isChanged, wordsOfSynced }: Words): Answer {
  const document: SyncedDocument = {
    locations: all.flatMap((synced) => {
      const { plan, outcome, retained } = synced;
      const { location, version, served, changes, findings } = plan;
      if (outcome.kind === "failed" || outcome.kind === "taken-back") return [];
      return [
        {
          location,
          version,
          previousVersion: served?.version ?? null,
          changed: isChanged(synced),
          outcome: outcome.kind,
          files: { added: [...changes.added], changed: [...changes.changed], removed: [...changes.removed] },
          removedVersions: [...(retained?.removed ?? [])],
          findings: findings.map((finding) => documentOfFinding(finding, ["allow", "layout"])),
        },
      ];
    }),
  };
  return { lines: all.flatMap(wordsOfSynced), document, exitCode: isDry && all.some(isChanged) ? 2 : 0 };
}
