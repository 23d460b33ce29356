import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Home, parameterArn, partitionOf, secretArn } from "../../aws/arn.ts";
import type { AwsOfJob } from "../../aws/job.ts";
import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import type { Connections } from "../../releases/connections.ts";
import { wrongAccount } from "../../releases/open.ts";
import type { Wanted } from "../observe.ts";
import { concealing } from "./concealing.ts";
import { type FileVariable, readEnvFile } from "./env-file.ts";
import { type Holders, observeHolders } from "./old-revisions.ts";
import { type Choice, chosen, type ImportPlan, planImport, type Store } from "./plan.ts";
import { checkSizes, readStore, writeStore } from "./stores.ts";

/** Secrets that somebody moves out of an environment file. */
export interface ImportRequest extends Choice {
  readonly folder: string;
  /** From the folder. */
  readonly file: string;
  readonly store: Store;
  /** Whose old task definitions are looked through. */
  readonly wanted: Wanted;
  readonly job: Pick<AwsOfJob, "region">;
  readonly allowedAccounts: readonly string[];
  /** Plan only. */
  readonly dryRun: boolean;
}

/** What was kept, or would be: names, and never a value. */
export interface Imported extends ImportPlan {
  readonly file: string;
  readonly home: Home;
  readonly isDone: boolean;
  readonly holders: Holders;
  /** ARNs that execution roles must be allowed to read. */
  readonly readable: { readonly action: string; readonly resources: readonly string[] };
}

/**
 * Moves what may be secret of an environment file to Secrets Manager or SSM. No value is shown: neither in what is returned, nor in an
 * error, nor on a command line.
 * @throws UserError when the file cannot be read, or another value would be written over; AwsError
 */
export async function importSecrets(
  context: Context,
  connections: Connections,
  request: ImportRequest,
): Promise<Imported> {
  const { file, store, job, dryRun } = request;
  const all = readEnvFile(await textOf(resolve(request.folder, file), file), file);
  const { region } = job;
  if (region === null)
    throw new UserError({
      what: "It is not known in which region the secrets are to be.",
      where: "environment of this process",
      fix: "Set AWS_REGION, or a profile that has a region.",
    });
  const of = chosen(all, request);
  checkNames(request, all, of.wanted);
  const clients = connections.aws(context, region);
  const { account } = await connections.caller(context, region);
  if (request.allowedAccounts.length > 0 && !request.allowedAccounts.includes(account))
    throw wrongAccount(account, request.allowedAccounts);
  const names = of.wanted.map(({ name }) => name);
  const home = { partition: partitionOf(region), region, account };
  return concealing(
    all.map(({ value }) => value),
    async () => {
      const seen = await readStore(clients, store, names);
      const plan = planImport(store, of, seen.values, request);
      checkOther(plan, file);
      checkSizes(plan, of.wanted, seen, file);
      const holders = await observeHolders(clients.ecs, request.wanted, names);
      if (!dryRun) await writeStore(clients, plan, of.wanted, seen);
      return { ...plan, file, home, isDone: !dryRun, holders, readable: readableOf(plan, home) };
    },
  );
}

async function textOf(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UserError(
      { what: `${file} cannot be read.`, where: file, fix: "Give the path of an environment file, from this folder." },
      { cause },
    );
  }
}

/** @throws UserError when a name that was given is not among them, or there is nothing to import */
function checkNames(
  { file, variables, overwrite }: ImportRequest,
  all: readonly FileVariable[],
  wanted: readonly FileVariable[],
): void {
  const missing = variables.filter((name) => !all.some((one) => one.name === name));
  if (missing.length > 0)
    throw new UserError({
      what: `${missing.join(", ")}: no such variable in ${file}.`,
      where: "option --variable",
      fix: `It has ${all.map(({ name }) => name).join(", ") || "none"}.`,
    });
  const unmeant = overwrite.filter((name) => !wanted.some((one) => one.name === name));
  if (unmeant.length > 0)
    throw new UserError({
      what: `${unmeant.join(", ")}: nothing of this name is imported, so that nothing is written over.`,
      where: "option --overwrite",
      fix: "Name variables that are imported; `--variable` adds one.",
    });
  if (wanted.length > 0) return;
  throw new UserError({
    what: `Nothing in ${file} may be a secret, by its name or its form.`,
    where: file,
    fix: "`--variable <name>` imports one all the same.",
  });
}

/** @throws UserError that names what has another value */
function checkOther({ store, variables }: ImportPlan, file: string): void {
  const others = variables.filter(({ does }) => does === "differs");
  const [first] = others;
  if (first === undefined) return;
  const there = store.kind === "secret" ? `secret ${store.name}` : `SSM below ${store.path}`;
  const names = others.map(({ name }) => name);
  throw new UserError({
    what: `${names.join(", ")}: ${there} has another value. Nothing was written.`,
    where: `${file}:${first.line}`,
    fix: `Look which of them holds. ${names.map((name) => `\`--overwrite ${name}\``).join(" ")} writes over what is there.`,
  });
}

function readableOf({ store, variables }: ImportPlan, home: Home): Imported["readable"] {
  return store.kind === "secret"
    ? { action: "secretsmanager:GetSecretValue", resources: [`${secretArn(home, store.name)}-??????`] }
    : {
        action: "ssm:GetParameters",
        resources: variables.map(({ name }) => parameterArn(home, `${store.path}${name}`)),
      };
}
