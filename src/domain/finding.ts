import * as z from "zod";
import type { Place } from "./errors.ts";

/** An `error` stops the release before its first write; by default only what breaks the deploy, loses state or leaks a secret. */
export const levelSchema = z.enum(["error", "warning", "notice"]);
export type Level = z.infer<typeof levelSchema>;

/** Every check there is, by its id: what `checks:` in the stack file names. */
export const checkIds: readonly string[] = [
  "base-floats",
  "canary-in-process",
  "checkout-differs",
  "code-newer-than-hosts",
  "commit-tag-taken",
  "component-left",
  "contract-shared",
  "credentials-expire",
  "daemon-overlaps",
  "dagster-not-migrated",
  "dagster-older",
  "dagster-unsupported",
  "dagster-version-unknown",
  "drift",
  "gate-passed-over",
  "host-left-running",
  "host-locations-differ",
  "image-source",
  "image-tags-full",
  "instance-file",
  "kept-service-moved",
  "migration-ahead",
  "migration-destructive",
  "migration-heads",
  "migration-unread",
  "migrations-differ",
  "models-differ",
  "models-not-compared",
  "moved-service-renamed",
  "no-breaker",
  "no-webserver",
  "not-checked",
  "not-forward",
  "not-in-this-version",
  "owned-by-cloudformation",
  "plan-changed",
  "promoted-image",
  "promoted-unfinished",
  "queued-runs",
  "rollback-dagster",
  "rollback-definition-gone",
  "rollback-image-gone",
  "rollback-schema",
  "rollback-service-unknown",
  "run-image",
  "runs-not-awaited",
  "secret-in-environment",
  "service-missing",
  "start-up-errors",
  "state-changed",
  "state-location-left",
  "state-lost",
  "state-not-noted",
  "tick-failed",
  "unfinished-release",
];

/** What a check has to say. */
export interface Finding {
  /** One of {@link checkIds}. */
  readonly id: string;
  readonly level: Level;
  readonly where: Place | string;
  readonly what: string;
  readonly fix: string;
  /** Where the rule comes from: an AWS or Dagster document, an issue. */
  readonly source?: string;
}

const order: readonly Level[] = ["error", "warning", "notice"];

/** Errors first, then warnings, then notices; otherwise as found. */
export function bySeverity(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}
