import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import { homedir, hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { awsOfJob } from "../aws/job.ts";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { optional } from "../domain/given.ts";
import type { Owner } from "../domain/journal.ts";
import { whichStack } from "../releases/asked.ts";
import type { Connections } from "../releases/connections.ts";
import type { SessionRequest } from "../releases/session.ts";
import type { Here } from "./verb.ts";

/** Options of every command that is about a stack. */
export const ofStack = {
  stack: whichStack.stack,
  environment: whichStack.environment,
  "allowed-account-ids": whichStack["allowed-account-ids"],
  repository: optional.refine((name) => name === null || /^[\w.-]+\/[\w.-]+$/.test(name), "is owner/name"),
};

/** And of those that release something. */
export const ofRelease = {
  ...whichStack,
  repository: ofStack.repository,
};

type Given = z.output<z.ZodObject<typeof ofStack>> & Partial<z.output<z.ZodObject<typeof ofRelease>>>;

/** What is asked of a stack, with all ways out of this process. */
export interface Asking {
  readonly context: Context;
  readonly connections: Connections;
  readonly request: SessionRequest;
}

/**
 * Does something with a stack. What it leaves open, since it failed or was cancelled, is closed, as the post step of an action does.
 * @param how `releases` is false for what only looks, and names the repository in no record
 * @throws what the work throws; UserError when this is no checkout of a repository
 */
export async function asking<T>(
  given: Given,
  here: Here,
  work: (asking: Asking) => Promise<T>,
  how: { readonly releases: boolean } = { releases: true },
): Promise<T> {
  const { closeOpen, connect, repositoryOf, rootOf } = await import("../releases/work.ts");
  const root = await rootOf(here.folder);
  const repository = given.repository ?? (await repositoryOf(root)) ?? (how.releases ? null : "");
  if (repository === null) throw nameless(root);
  const scratch = await mkdtemp(join(tmpdir(), "dagster-ecs-"));
  const remove = (): void => rmSync(scratch, { recursive: true, force: true });
  // A second Ctrl-C, or the end of the ten seconds, passes by every `finally`: a build keeps a password of the registry in there.
  process.once("exit", remove);
  const left = { open: false };
  const request: SessionRequest = {
    root,
    file: given.stack,
    folder: await realpath(here.folder),
    environment: given.environment,
    variables: here.variables,
    job: awsOfJob(here.variables),
    repository,
    owner: person(),
    scratch,
    kept: join(here.variables["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "dagster-ecs"),
    allowedAccounts: given["allowed-account-ids"],
    allowDivergent: given["allow-divergent"] ?? false,
    allowDirty: given["allow-dirty"] ?? false,
    waitSeconds: given["lock-timeout"] ?? 0,
    isOver: null,
    onTake: () => {
      left.open = true;
    },
    compare: null,
  };
  try {
    return await work({ context: here.context, connections: connect(here.context, null), request });
  } catch (error) {
    if (left.open) {
      const unstopped = { ...here.context, signal: new AbortController().signal };
      // The first cause stays the story, whatever becomes of the rest.
      await closeOpen(unstopped, connect(unstopped, null), { ...request, waitSeconds: 0 }).catch((other: unknown) =>
        here.context.report({ kind: "line", text: `what was open was not closed: ${messageOf(other)}` }),
      );
    }
    throw error;
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/** Whoever sits at this machine. Two commands at once are two owners: neither has the other's lock. */
function person(): Owner {
  return { name: `person/${userName()}@${hostname()}`, attempt: 1, job: randomUUID(), url: null, run: null };
}

/** A container may run as somebody of whom its system has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

function nameless(root: string): UserError {
  return new UserError({
    what: "It is not known which repository this is: its remote `origin` does not say.",
    where: root,
    fix: "Give `--repository owner/name`, as GitHub knows it: records of releases name it.",
  });
}
