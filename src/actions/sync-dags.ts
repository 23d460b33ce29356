import { posix } from "node:path";
import * as z from "zod";
import { nameOfSecret, wholeSecretSchema } from "../domain/contract.ts";
import { dagsPrefix, dagsPrefixSchema, dagsVersionSchema } from "../domain/dags.ts";
import { UserError } from "../domain/errors.ts";
import { choice, flag, lines, minutes, optional, required } from "../domain/given.ts";
import { locationSchema } from "../domain/identifiers.ts";
import { readInputs } from "../github/inputs.ts";
import { workflowRun } from "../github/run.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import { code, codeBlock, details, heading, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Synced } from "../releases/sync-dags.ts";
import { compareBy, logged, signIn } from "./inputs.ts";
import { openAws, regionOfJob, someOf, writesFor } from "./without-stack.ts";

/** As the stack file has it; or left out. */
const isLike =
  (schema: z.ZodType<string>) =>
  (text: string | null): boolean =>
    text === null || schema.safeParse(text).success;

const checks = [
  "secret-in-dags",
  "dags-broken",
  "dags-shrunk",
  "dags-lock",
  "dags-invalid",
  "mirror-not-ours",
  "mirror-same-size",
];

export const inputs = z.object({
  location: required.refine(
    isLike(locationSchema),
    "is Dagster's name for it: printable ASCII that begins with a letter or digit",
  ),
  bucket: required,
  prefix: optional.refine(isLike(dagsPrefixSchema), "is a prefix that ends in a slash: dags/main/"),
  directory: required.transform((path) => posix.normalize(path)),
  layout: choice(["versions", "mirror", "both"]),
  "mirror-prefix": optional.refine(isLike(dagsPrefixSchema), "is a prefix that ends in a slash: dags/main/"),
  "keep-versions": optional.refine(
    (text) => text === null || /^[1-9]\d{0,3}$/.test(text),
    "is a whole number, 1 to 9999",
  ),
  "keep-days": required.refine((text) => /^[1-9]\d{0,3}$/.test(text), "is a whole number of days, 1 to 9999"),
  validate: choice(["off", "auto", "on"]),
  module: optional.refine((name) => name === null || /^[A-Za-z_][\w.]*$/.test(name), "is the name of a Python module"),
  lock: optional,
  to: optional.transform((text, context) => {
    if (text === null || text === "previous") return text;
    const version = dagsVersionSchema.safeParse(text);
    if (version.success) return version.data;
    context.addIssue("is `previous`, or a version: 40 hex digits");
    return z.NEVER;
  }),
  publish: choice(["auto", "true", "false"]),
  allow: lines.refine((ids) => ids.every((id) => checks.includes(id)), `has one of ${checks.join(", ")} a line`),
  "webserver-url": optional.refine((text) => text === null || /^https?:\/\/[^/]/.test(text), "is an http or https URL"),
  auth: optional.refine(isLike(wholeSecretSchema), "is a secret: secret:name"),
  timeout: minutes.refine((seconds) => seconds > 0, "is a whole number of minutes, 1 to 9999"),
  "allow-divergent": flag,
  "allow-dirty": flag,
  "allowed-account-ids": lines,
  ...signIn,
});

type Inputs = z.output<typeof inputs>;

/** Brings the code of one location to S3, from where readers take it. */
export async function run(): Promise<void> {
  const given = readInputs(inputs);
  checkTogether(given);
  const region = regionOfJob();
  const workflow = workflowRun(process.env);
  const work = await import("../releases/work.ts");
  await logged(async (context) => {
    const local = {
      location: given.location,
      root: workflow.workspace,
      directory: given.directory,
      place: "input directory",
      lock: given.lock,
    };
    const { connections, clients } = await openAws(work, context, region, given);
    const looking = connections.history.checkout(workflow.workspace);
    // While git looks at the checkout, which takes as long. What is wrong with the folder is told after what git says.
    const folder = given.to === null ? work.readFolder(context, local) : null;
    folder?.catch(() => undefined);
    const checkout = await looking;
    const writes = writesFor(given.publish, workflow.event);
    if (writes && given.to === null && !given["allow-dirty"]) checkClean(checkout.changedFiles, given.directory);
    const synced = await work.syncDags(context, connections, clients, {
      dags: {
        ...local,
        validate:
          given.module === null || given.validate === "off"
            ? null
            : { module: given.module, isRequired: given.validate === "on" },
        source: { repository: workflow.repository, sha: checkout.head },
        run: workflow.url,
      },
      folder,
      bucket: given.bucket,
      prefix: given.prefix ?? dagsPrefix(given.location),
      layout: given.layout,
      mirrorPrefix: given["mirror-prefix"] ?? given.prefix ?? dagsPrefix(given.location),
      retention:
        given["keep-versions"] === null
          ? null
          : { keep: Number(given["keep-versions"]), keepDays: Number(given["keep-days"]) },
      to: given.to,
      writes,
      allowed: given.allow,
      webserver: webserverOf(given),
      timeoutSeconds: given.timeout,
      allowDivergent: given["allow-divergent"],
      compare: compareBy(given["github-token"]),
    });
    const changes = paragraphs(
      work.explainDags(synced.plan),
      ...(synced.mirror === null ? [] : [work.explainMirror(synced.mirror)]),
    );
    await tell(synced, changes);
  });
}

/** @throws UserError for inputs of which one says what another one cannot have */
function checkTogether(given: Inputs): void {
  const { layout, module } = given;
  const stop = (what: string, where: string, fix: string): never => {
    throw new UserError({ what, where: `input ${where}`, fix });
  };
  if (layout === "mirror") {
    if (given.to !== null)
      stop(
        "Plain files alone keep no version to go back to.",
        "to",
        "Check the commit out and publish it with `allow-divergent: true`; or `layout: both`.",
      );
    if (given["webserver-url"] !== null)
      stop(
        "Nobody says which plain files are loaded: a webserver knows versions.",
        "webserver-url",
        "Leave it out, or `layout: both` with the reader.",
      );
    if (given["keep-versions"] !== null)
      stop("Plain files alone have no versions.", "keep-versions", "Leave it out, or `layout: both`.");
  }
  if (layout === "versions" && given["mirror-prefix"] !== null)
    stop(
      "`mirror-prefix` is where plain files lie, and none are kept.",
      "mirror-prefix",
      "Set `layout: both`, or remove it.",
    );
  if (given.validate === "on" && module === null)
    stop(
      "`validate: on` needs to know what is loaded.",
      "validate",
      "Name the Python module of the location as `module`.",
    );
}

/** @throws UserError when a file that would be published differs from its commit */
function checkClean(changedFiles: readonly string[], directory: string): void {
  const below = directory === "." ? "" : `${directory.replace(/\/$/, "")}/`;
  const changed = changedFiles.filter((path) => path.startsWith(below));
  if (changed.length === 0) return;
  throw new UserError({
    what: `${directory} differs from the commit in ${someOf(changed)}: the version would name a commit that it is not of.`,
    where: "input directory",
    fix: "Commit them; or let git ignore what earlier steps of the job have made, where it is not to be published. For a trial: `allow-dirty: true`.",
  });
}

/** @throws UserError for a login that nobody asks for */
function webserverOf({
  "webserver-url": url,
  auth,
}: Inputs): { readonly url: string; readonly secret: string | null } | null {
  if (url !== null) return { url, secret: auth === null ? null : nameOfSecret(auth) };
  if (auth === null) return null;
  throw new UserError({
    what: "`auth` is the login of a webserver, and none is asked.",
    where: "input auth",
    fix: "Give its address as `webserver-url`, or remove `auth`.",
  });
}

function explainRetained({ removed, why }: NonNullable<Synced["retained"]>, isPlanned: boolean): Markdown {
  if (why !== null) return markdown`${why}`;
  const names = removed.map((version) => version.slice(0, 12)).join(", ");
  if (removed.length === 0) return markdown`No old version is to be removed.`;
  return isPlanned
    ? markdown`Old versions to be removed: ${names}.`
    : markdown`Old versions that were removed: ${names}.`;
}

const said = {
  planned: "nothing was written",
  unchanged: "served already",
  switched: "published; readers follow",
  served: "published and loaded",
  "taken-back": "not loaded, and taken back",
  failed: "not loaded",
} as const;

/** @throws UserError when it is not loaded */
async function tell({ plan, outcome, retained }: Synced, changes: Markdown): Promise<void> {
  const { location, version, served, switches } = plan;
  const failure = "cause" in outcome ? outcome : null;
  await writeSummary(
    paragraphs(
      heading(3, markdown`Code of location ${code(location)}: ${said[outcome.kind]}`),
      changes,
      ...(retained === null ? [] : [explainRetained(retained, outcome.kind === "planned")]),
      ...(failure === null ? [] : [markdown`${failure.cause.what} ${failure.left}`]),
      ...(failure?.evidence ?? []).map(({ text }) => details("What Dagster says", codeBlock(text))),
    ),
  );
  writeOutputs({
    version,
    "previous-version": served?.version ?? "",
    changed: String(switches !== null),
    outcome: outcome.kind,
  });
  if (failure === null) return;
  const { what, fix } = failure.cause;
  throw new UserError({ what: `${what} ${failure.left}`, where: `location ${location}`, fix: fix ?? "See the log." });
}
