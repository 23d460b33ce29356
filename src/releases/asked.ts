import { posix } from "node:path";
import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { choice, flag, lines, minutes, optional, required } from "../domain/given.ts";
import { keySchema, releaseIdSchema } from "../domain/identifiers.ts";
import type { Approved } from "./approved.ts";
import type { DefinitionsSource } from "./dagster-definitions/compared.ts";
import type { DeployRequest } from "./deploy.ts";
import type { PromotionRequest } from "./promotion.ts";

// What a release is asked for, by inputs of an action or by options of the command line, which bear the same names.

/** Names, one a line, in whatever order; null when there are none. */
const names = lines.transform((all) => (all.length === 0 ? null : [...new Set(all)].sort()));

/** `staging`, or `staging@<release id>` */
const promotion = optional.transform((text, context): PromotionRequest | null => {
  if (text === null) return null;
  const [, environment = "", id] = /^([^@]*)(?:@(.*))?$/.exec(text) ?? [];
  const release = id === undefined ? null : releaseIdSchema.safeParse(id);
  if (keySchema.safeParse(environment).success && release?.success !== false)
    return { environment, release: release?.data ?? null };
  context.addIssue("is an environment, or environment@release-id");
  return null;
});

/** Which stack, and what stands in the way of everybody. */
export const whichStack = {
  stack: required.transform((path) => posix.normalize(path)),
  environment: required,
  "allowed-account-ids": lines,
  "allow-divergent": flag,
  "allow-dirty": flag,
  "lock-timeout": minutes,
};

/** What a release is to be about. */
export const about = {
  only: names,
  from: promotion,
};

/** Whether AWS is asked, before a release, for what its tasks need. */
export const verification = {
  verify: choice(["false", "true", "secret-keys"]),
};

/** From where a plan knows what new code defines: `load`, or files, one a line. */
export const described = {
  definitions: lines.transform((all): DefinitionsSource => {
    const files = all.filter((line) => line !== "load");
    return {
      loads: files.length < all.length,
      files: files.map((line) => {
        const [, location = null, path = line] = /^([^=]+)=(.+)$/.exec(line) ?? [];
        return { location: location?.trim() ?? null, path: path.trim() };
      }),
    };
  }),
};

/** What becomes of old revisions of task definitions; empty: nothing. */
export const cleaning = {
  "keep-revisions": optional.transform((text, context): number | null => {
    if (text === null || /^[1-9]\d{0,2}$/.test(text)) return text === null ? null : Number(text);
    context.addIssue("is empty, or a whole number, 1 to 999");
    return z.NEVER;
  }),
};

/** @throws UserError when it was not said */
export function keptOf({ "keep-revisions": keep }: z.output<z.ZodObject<typeof cleaning>>): number {
  if (keep !== null) return keep;
  throw new UserError({
    what: "A clean-up needs to know how many revisions stay.",
    where: "input keep-revisions",
    fix: "Give `keep-revisions`: how many of the newest of each family stay, beside those that something names.",
  });
}

/** Why a lock is taken away. */
export const unlocking = {
  reason: optional.refine((text) => text === null || text.length <= 500, "has 500 characters at most"),
};

/** @throws UserError when it was not said */
export function reasonOf({ reason }: z.output<z.ZodObject<typeof unlocking>>): string {
  if (reason !== null) return reason;
  throw new UserError({
    what: "Whoever takes a lock away says why.",
    where: "input reason",
    fix: "Give a `reason`: it is told to whoever holds the lock.",
  });
}

/** The plan that was looked at before. */
export const lookedAt = {
  "plan-hash": optional.refine(
    (text) => text === null || /^[0-9a-f]{64}$/.test(text),
    "is the output of that name, 64 hex digits",
  ),
  "on-plan-change": choice(["continue", "fail"]),
};

/** @throws UserError when there is nothing to compare with */
export function approvedPlan({
  "plan-hash": hash,
  "on-plan-change": onChange,
}: z.output<z.ZodObject<typeof lookedAt>>): Approved | null {
  if (hash !== null) return { hash, onChange };
  if (onChange === "continue") return null;
  throw new UserError({
    what: "`on-plan-change: fail` compares with a plan that was looked at, and `plan-hash` is empty.",
    where: "input plan-hash",
    fix: "Give the output `plan-hash` of that plan; look whether the job that made it passes it on.",
  });
}

/** What actions take that roll services, and may take a release back. */
export const rollingOut = {
  "queued-runs": choice(["keep", "cancel"]),
  "allow-state-loss": flag,
  "fail-early": flag,
  "in-flight": choice(["wait", "take-over", "fail"]),
  timeout: minutes.refine((seconds) => seconds > 0, "is a whole number of minutes, 1 to 9999"),
  "on-timeout": choice(["rollback", "leave"]),
  "on-cancel": choice(["leave", "rollback"]),
};

/** How services are rolled, and what becomes of what was taken back. */
export function rollingChoices(
  inputs: z.output<z.ZodObject<typeof rollingOut>>,
): Pick<DeployRequest, "queuedRuns" | "allowStateLoss" | "rolling"> {
  return {
    queuedRuns: inputs["queued-runs"],
    allowStateLoss: inputs["allow-state-loss"],
    rolling: {
      failEarly: inputs["fail-early"],
      inFlight: inputs["in-flight"],
      timeoutSeconds: inputs.timeout,
      onTimeout: inputs["on-timeout"],
      onCancel: inputs["on-cancel"],
    },
  };
}
