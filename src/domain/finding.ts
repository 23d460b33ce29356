import * as z from "zod";
import type { Place } from "./errors.ts";

/** An `error` stops the release before its first write; by default only what breaks the deploy, loses state or leaks a secret. */
export const levelSchema = z.enum(["error", "warning", "notice"]);
export type Level = z.infer<typeof levelSchema>;

/** Every check there is, by its id: what `checks:` in the stack file names. */
export const checkIds: readonly string[] = [
  "architecture-differs",
  "base-floats",
  "base-unknown",
  "byte-code",
  "canary-in-process",
  "checkout-differs",
  "code-newer-than-hosts",
  "command-differs",
  "commit-in-definition",
  "commit-tag-taken",
  "component-left",
  "container-size",
  "contract-shared",
  "credentials-expire",
  "daemon-overlaps",
  "dags-broken",
  "dags-shrunk",
  "dagster-not-essential",
  "dagster-not-migrated",
  "dagster-older",
  "dagster-unsupported",
  "dagster-version-unknown",
  "definition-member-type",
  "definition-member-unknown",
  "definition-too-large",
  "dockerfile-check",
  "drift",
  "execution-role-missing",
  "fargate-refuses",
  "fargate-size",
  "gate-passed-over",
  "glibc-too-old",
  "host-left-running",
  "host-locations-differ",
  "image-by-tag",
  "image-floats",
  "image-missing",
  "image-not-scanned",
  "image-source",
  "image-tags-full",
  "image-vulnerable",
  "instance-file",
  "instance-files-merge",
  "instance-variable-missing",
  "kept-service-moved",
  "launcher-differs",
  "launcher-registers",
  "library-missing",
  "listens-locally",
  "load-balancer-port",
  "log-group-missing",
  "log-missing",
  "log-options",
  "memory-short",
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
  "placeholder-left",
  "placeholder-unused",
  "plan-changed",
  "port-unheard",
  "promoted-image",
  "promoted-unfinished",
  "queued-runs",
  "role-right-missing",
  "role-unfit",
  "rollback-dagster",
  "rollback-definition-gone",
  "rollback-image-gone",
  "rollback-schema",
  "rollback-service-unknown",
  "run-entry-point",
  "run-image",
  "run-monitoring-missing",
  "running-image",
  "runs-not-awaited",
  "secret-in-dags",
  "secret-in-environment",
  "secret-in-image",
  "secret-key-missing",
  "secret-missing",
  "service-missing",
  "sqlalchemy-psycopg",
  "start-up-errors",
  "state-changed",
  "state-location-left",
  "state-lost",
  "state-not-noted",
  "stop-timeout",
  "subnet-unfit",
  "target-group-unfit",
  "task-role-missing",
  "tick-failed",
  "tool-missing",
  "unfinished-release",
  "variable-twice",
  "webserver-unreached",
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
