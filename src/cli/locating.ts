import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { flag, lines, optional, required } from "../domain/given.ts";
import { keySchema, locationSchema } from "../domain/identifiers.ts";
import type { Json } from "../domain/json.ts";
import { whichStack } from "../releases/asked.ts";
import type { Change, Members } from "../releases/locations/change.ts";
import type { Going } from "../releases/locations/going.ts";
import type { ChangedLocationDocument, ReleaseDocument } from "./documents.ts";
import { wordsOfChangedFile, wordsOfGoing } from "./location-words.ts";
import { options } from "./options.ts";
import { ofCheckout, release, usualReleasing } from "./releasing.ts";
import { type Asking, asking, ofStack } from "./request.ts";
import type { Answer, Argument, Here, OwnOptions } from "./verb.ts";

const number = (least: number, most: number) =>
  optional.transform((text, context): number | null => {
    if (text === null) return null;
    if (/^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
    context.addIssue(`is a whole number, ${least} to ${most}`);
    return z.NEVER;
  });

const key = optional.refine(
  (text) => text === null || keySchema.safeParse(text).success,
  "is a key of the stack file: letters, digits and . - _",
);

/** The argument: Dagster's name for a location. */
export const locationName = required.refine(
  (name) => locationSchema.safeParse(name).success,
  "is Dagster's name for a location: printable ASCII that begins with a letter or digit",
);

export const named: Argument = { name: "name", text: "Dagster's name for the location." };

const members = {
  directory: optional,
  module: optional,
  prefix: optional,
  layout: optional,
  "mirror-prefix": optional,
  "poll-seconds": number(5, 3600),
  fallback: optional,
  source: optional.transform((text, context) => {
    if (text === null) return null;
    const [, repository, ref = "main"] = /^([\w.-]+\/[\w.-]+)(?:@(.+))?$/.exec(text) ?? [];
    if (repository !== undefined) return { repository, ref };
    context.addIssue("is owner/name, or owner/name@branch");
    return z.NEVER;
  }),
  image: key,
  address: optional,
  port: number(1, 65_535),
};

/** Options of `locations add`, and its argument. */
export const adding = { name: locationName, ...members, service: key };
/** Options of `locations update`, and its argument. */
export const updating = { name: locationName, ...members, unset: lines };

/** What each of them takes that changes the stack file. */
export const changing = {
  "dry-run": flag,
  deploy: flag,
  ...ofStack,
  "allow-dirty": whichStack["allow-dirty"],
  "allow-divergent": whichStack["allow-divergent"],
  "lock-timeout": whichStack["lock-timeout"],
};

/** Those that mean something else elsewhere. */
export const ownOfLocations: OwnOptions = {
  directory: { text: "Folder with the code, from the root of its repository." },
  layout: {
    takes: { kind: "text", shown: "versioned|mirror|both" },
    text: "Versions for the reader of this suite, plain files for readers that copy a prefix, or both; empty: versioned.",
  },
};

type Changing = z.output<z.ZodObject<typeof changing>>;
type Adding = z.output<z.ZodObject<typeof adding>> & Changing;
type Updating = z.output<z.ZodObject<typeof updating>> & Changing;

const ofDags = [
  "directory",
  "module",
  "prefix",
  "layout",
  "mirror-prefix",
  "poll-seconds",
  "fallback",
  "source",
] as const;
const ofServer = ["image", "address", "port"] as const;

type Given = Readonly<Record<string, Json | readonly string[]>>;

/** Those that were given, under their names in the stack file. */
function givenOf(given: Given, wanted: readonly string[]): Members {
  return Object.fromEntries(wanted.flatMap((name) => (given[name] == null ? [] : [[name, given[name] as Json]])));
}

/** Adds a location to the stack file. */
export async function addLocation(given: Adding, here: Here): Promise<Answer> {
  const { name, image, source, service, directory, module } = given;
  const inS3 = givenOf(
    given,
    ofDags.filter((one) => one !== "module"),
  );
  const isFromS3 = image === null || Object.keys(inS3).length > 0;
  const missing = [
    ...(isFromS3 && directory === null ? ["--directory"] : []),
    ...(module === null ? ["--module"] : []),
  ];
  if (missing.length > 0) {
    throw new UserError({
      what: `${missing.map((one) => `\`${one}\``).join(" and ")} ${missing.length === 1 ? "is" : "are"} needed: where the code of ${name} lies, and the Python module that Dagster loads.`,
      where: `command line: ${missing.join(", ")}`,
      fix:
        image === null
          ? "Give them; or `--image`, when the code is in an image that a code server runs."
          : "Give them.",
    });
  }
  const alone = ["address", "port", "service"].filter((one) => given[one as "address" | "port" | "service"] !== null);
  if (image === null && alone.length > 0) {
    throw new UserError({
      what: `${alone.map((one) => `\`--${one}\``).join(" and ")}: of a code server, and webserver and daemon are to load ${name} themselves.`,
      where: `command line: ${alone.map((one) => `--${one}`).join(", ")}`,
      fix: "Give `--image`, the image that a code server of its own runs; or leave it out.",
    });
  }
  const serviceKey = service ?? name.replaceAll(/[^\w.-]/g, "-");
  const members: Members = { ...givenOf(given, ofServer), ...(isFromS3 ? {} : { module }) };
  return change(given, here, (asked) => {
    const file = asked.request.file;
    return {
      make: (work, text) =>
        work.addLocation(text, file, {
          name,
          dags: isFromS3 ? givenOf(given, ofDags) : null,
          server: image === null ? null : { key: serviceKey, members },
        }),
      next: [
        ...(image === null
          ? []
          : [
              `Let the infrastructure have the ECS service of ${serviceKey}: a release rolls services, and makes none.`,
            ]),
        ...(source === null
          ? []
          : [
              `In a checkout of ${source.repository}: \`dagster-ecs sync-dags ${word(name)}\`, or actions/sync-dags: a release of the stack does not publish it, and needs it to be there.`,
            ]),
      ],
      going: null,
    };
  });
}

/** Changes what the stack file says of a location. */
export async function updateLocation(given: Updating, here: Here): Promise<Answer> {
  const { name, environment, unset } = given;
  // Whose `module` is, the file says.
  const dags = givenOf(
    given,
    ofDags.filter((one) => one !== "module"),
  );
  const server = givenOf(given, [...ofServer, "module"]);
  if (Object.keys(dags).length + Object.keys(server).length + unset.length === 0) {
    throw new UserError({
      what: `Nothing was given that is to be different about ${name}.`,
      where: "command line",
      fix: "Give what is to be set, `--module` say, or `--unset <member>`; `dagster-ecs locations update --help` lists all.",
    });
  }
  return change(given, here, ({ request: { file } }) => ({
    make: (work, text) => work.updateLocation(text, file, { name, environment, dags, server, unset }),
    next: [],
    going: null,
  }));
}

/** Takes a location out of the stack file, once that was confirmed. */
export async function removeLocation(
  given: Changing & { readonly name: string; readonly yes: boolean },
  here: Here,
): Promise<Answer> {
  const { name, yes, "dry-run": isDry } = given;
  if (!yes && !isDry && here.confirm === null) {
    throw new UserError({
      what: "Nobody can be asked here whether the location is to be removed.",
      where: "command line: --yes",
      fix: "Look with `--dry-run` at what goes, what stays and what waits; then give `--yes`.",
    });
  }
  return change(given, here, async ({ context, connections, request }) => {
    const work = await import("../releases/locations/work.ts");
    // What the file does not have is told before anybody signs in.
    work.removeLocation(await work.stackFileTextOf(request), request.file, name);
    return {
      make: ({ removeLocation: remove }, text) => remove(text, request.file, name),
      next: [],
      going: await work.observeGoing(context, connections, request, name),
      question: yes ? null : `Take ${name} out of ${request.file}?`,
    };
  });
}

type Work = typeof import("../releases/locations/work.ts");

interface Wanted {
  readonly make: (work: Work, text: string) => Change;
  /** Beside committing and releasing, and before it. */
  readonly next: readonly string[];
  readonly going: Going | null;
  /** null: nobody is asked. */
  readonly question?: string | null;
}

/** Shows what would be different in the stack file, writes it, and goes on with a release when that was asked for. */
async function change(
  given: Changing & { readonly name: string },
  here: Here,
  want: (asked: Asking) => Wanted | Promise<Wanted>,
): Promise<Answer> {
  const { name, deploy, "dry-run": isDry } = given;
  checkTrial(given);
  const looks = async (asked: Asking): Promise<Answer> => {
    const work = await import("../releases/locations/work.ts");
    const wanted = await want(asked);
    const made = wanted.make(work, await work.stackFileTextOf(asked.request));
    if (deploy && made.onlyPublishes) throw undeployable(made.file);
    const isChanged = made.before !== made.after;
    const shown = [
      ...(wanted.going === null ? [] : wordsOfGoing(wanted.going)),
      ...wordsOfChangedFile(made, work.lineDiff),
    ];
    const steps = isChanged ? [...wanted.next, ...(deploy ? [] : nextSteps(given, made, wanted.going !== null))] : [];
    const question = isDry || !isChanged ? null : (wanted.question ?? null);
    const isAgreed = question === null || here.confirm === null || (await here.confirm(shown, question));
    const isWritten = isChanged && !isDry && isAgreed;
    if (isWritten) await work.writeChange(asked.request, made);
    const said = !isChanged
      ? `${made.file} says that of ${name} already: nothing was written.`
      : isWritten
        ? `${made.file} is written.`
        : isDry
          ? "Nothing was written: that is done without --dry-run."
          : "Nothing was written.";
    const released = deploy && isWritten ? await deployed(asked, said) : null;
    const document: ChangedLocationDocument = {
      location: name,
      file: made.file,
      changed: isChanged,
      written: isWritten,
      diff: isChanged ? [...work.lineDiff(made.before, made.after)] : [],
      next: isAgreed ? steps : [],
      going: wanted.going === null ? null : documentOfGoing(wanted.going),
      release: released === null ? null : (released.document as ReleaseDocument),
    };
    return {
      lines: [
        ...(question === null ? shown : []),
        ...(released === null ? [said] : released.lines),
        ...(isAgreed ? steps.map((step, at) => `${at === 0 ? "Next" : "Then"}: ${step}`) : []),
      ],
      document,
      exitCode: isDry && isChanged ? 2 : isAgreed ? 0 : 1,
    };
  };
  // Who only writes a file needs no name for the repository.
  return asking(given, here, looks, { releases: deploy });
}

function deployed(asked: Asking, said: string): Promise<Answer> {
  asked.context.report({ kind: "line", text: said });
  return release(usualReleasing(), asked, { ...ofCheckout, only: null });
}

/** @throws UserError for a release that would be refused after the file was written */
function checkTrial({ deploy, "allow-dirty": allowDirty, "dry-run": isDry }: Changing): void {
  if (!deploy) return;
  if (isDry) {
    throw new UserError({
      what: "`--dry-run` writes nothing, so there is nothing that `--deploy` could go on with.",
      where: "command line: --deploy, --dry-run",
      fix: "Leave one of them out.",
    });
  }
  if (!allowDirty) {
    throw new UserError({
      what: "`--deploy` would release a stack file that is not committed: a release is named by its commit.",
      where: "command line: --deploy",
      fix: "Leave it out, commit the stack file, and give `dagster-ecs deploy`; or, for a trial, `--deploy --allow-dirty`.",
    });
  }
}

function undeployable(file: string): UserError {
  return new UserError({
    what: "The stack file has no services: its repository publishes code, and releases nothing that `--deploy` could go on with.",
    where: file,
    fix: "Leave `--deploy` out; `dagster-ecs sync-dags` publishes, once the file is committed.",
  });
}

function nextSteps(
  { name, environment, stack }: Changing & { readonly name: string },
  { file, onlyPublishes }: Change,
  isRemoval: boolean,
): readonly string[] {
  const how = [
    ...(stack === options.stack.default ? [] : [` --stack ${word(stack)}`]),
    ...(environment === options.environment.default ? [] : [` --environment ${word(environment)}`]),
  ].join("");
  if (!onlyPublishes) {
    return [
      `commit ${file}; \`dagster-ecs plan${how}\` shows what a release does then, and \`dagster-ecs deploy${how}\` does it.`,
    ];
  }
  return [
    isRemoval
      ? `commit ${file}: it is not published any more; whoever serves it takes it out of the stack file there.`
      : `commit ${file}; \`dagster-ecs sync-dags ${word(name)}${how}\` publishes it then.`,
  ];
}

function documentOfGoing({
  hosts,
  server,
  objects,
  logGroups,
  releases,
  runs,
}: Going): NonNullable<ChangedLocationDocument["going"]> {
  return {
    hosts: [...hosts],
    service: server?.service ?? null,
    objects: objects.map((uri) => `s3://${uri}`),
    logGroups: [...logGroups],
    releases: [...releases],
    runs: runs.found.map(({ id, job, status }) => ({ run: id.untrusted, job: job.untrusted, status })),
    unknown: runs.why?.untrusted ?? null,
  };
}

/** As a shell reads it. */
function word(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
