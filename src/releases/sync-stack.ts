import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { quote, suggest } from "../stack/problems.ts";
import type { Dags, Stack } from "../stack/stack.ts";
import type { Publishing, publishing } from "./asked-dags.ts";
import type { Connections } from "./connections.ts";
import { openStack } from "./open.ts";
import type { SessionRequest } from "./session.ts";
import { syncCheckout } from "./sync-checkout.ts";
import type { Synced } from "./sync-dags.ts";
import { failureOfSynced } from "./sync-explain.ts";

/** Locations of a stack file that are published from this checkout. */
export interface StackSyncRequest {
  /** Their names; none: all that are published by themselves from here. */
  readonly locations: readonly string[];
  readonly how: Pick<Publishing, keyof typeof publishing>;
  /** false: only the plan. */
  readonly writes: boolean;
}

/** What a stack file's `layout` is where nobody else keeps versions and pointer. */
const layouts = { versioned: "versions", both: "both", mirror: "both" } as const;

/**
 * Publishes locations one after the other, each as the stack file describes it. The first that fails is the last.
 * @throws UserError for one that the stack releases, or another repository; and when one is not loaded
 */
export async function syncOfStack(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  { locations, how, writes }: StackSyncRequest,
): Promise<readonly Synced[]> {
  const { stack, clients } = await openStack(context, connections, request);
  const all: Synced[] = [];
  for (const dags of chosen(stack, request, locations)) {
    const { location, bucket, prefix, directory, module, mirrorPrefix, layout, place } = dags;
    context.report({ kind: "stage", title: `Location ${location}` });
    const mirror = layout === "versioned" ? null : mirrorPrefix;
    const which = { location, bucket, prefix, directory, module, layout: layouts[layout], "mirror-prefix": mirror };
    const synced = await syncCheckout(
      context,
      connections,
      clients,
      { ...how, ...which },
      {
        root: request.root,
        repository: request.repository,
        run: null,
        writes,
        compare: request.compare,
        place,
      },
    );
    const failure = failureOfSynced(synced);
    if (failure !== null) throw failure;
    all.push(synced);
  }
  return all;
}

function chosen(
  stack: Stack,
  { repository }: Pick<SessionRequest, "repository">,
  names: readonly string[],
): readonly Dags[] {
  if (names.length > 0) {
    return names.map((name) => {
      const dags = stack.dags[name];
      if (dags === undefined) throw unknown(stack, name);
      checkOurs(stack, dags, repository);
      return dags;
    });
  }
  const ours = Object.values(stack.dags).filter((dags) => whose(stack, dags, repository) === "ours");
  if (ours.length > 0) return ours;
  throw new UserError({
    what: `No location of the stack file is published by itself from ${repository}.`,
    where: stack.file,
    fix: "A location without `source` is released with its stack: `dagster-ecs deploy`. Without a stack file, name the location, and its bucket with `--bucket`.",
  });
}

/** A stack file without services is that of a repository which only publishes. */
function whose(stack: Stack, { source }: Dags, repository: string): "ours" | "stack" | "theirs" {
  if (source !== null) return source.repository === repository ? "ours" : "theirs";
  return Object.keys(stack.services).length === 0 ? "ours" : "stack";
}

function checkOurs(stack: Stack, dags: Dags, repository: string): void {
  const { location, place, source } = dags;
  switch (whose(stack, dags, repository)) {
    case "ours":
      return;
    case "stack":
      throw new UserError({
        what: `Location ${location} is released with its stack, under its lock and with its records: published beside it, it would be drift.`,
        where: place,
        fix: `\`dagster-ecs deploy --only ${location}\`: where only its files have changed, that makes no image and rolls no service.`,
      });
    case "theirs":
      throw new UserError({
        what: `Location ${location} is published from ${source?.repository ?? "another repository"}, and this is ${repository}.`,
        where: place,
        fix: "Run it in a checkout of that repository; or change `source` here, when it has moved.",
      });
  }
}

function unknown(stack: Stack, name: string): UserError {
  return new UserError({
    what: `The stack file has no location ${quote(name)} under \`dags\`.`,
    where: stack.file,
    fix: suggest(name, Object.keys(stack.dags), "It has none at all: name the bucket with `--bucket`."),
  });
}
