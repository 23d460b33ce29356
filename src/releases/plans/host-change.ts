import type { Finding } from "../../domain/finding.ts";
import type { Step } from "../../domain/plan.ts";
import { minorOf } from "../../dagster/versions.ts";
import { imageOf, type Release } from "../../domain/release.ts";
import type { Daemon, Stack, Webserver } from "../../stack/stack.ts";
import type { Observation } from "../observation.ts";

/** What Dagster says of a new minor version: stop, migrate, start. */
export const migrating = "https://docs.dagster.io/deployment/guides/kubernetes/how-to-migrate-your-instance";

/**
 * How the minor version of Dagster changes under daemon and webserver.
 * - `up`: a host gets a newer one. Then hosts go before code: no host may be older than the code that it loads
 *   (https://github.com/dagster-io/dagster/issues/23734).
 * - `down`: some get an older one, and none a newer one. Then code goes before hosts, for the same reason.
 * - `unknown`: it cannot be told of the hosts named, and is the same for the others.
 */
export type HostChange =
  | { readonly kind: "same" }
  | { readonly kind: "up" | "down"; readonly from: string; readonly to: string }
  | { readonly kind: "unknown"; readonly hosts: readonly string[] };

/** @param next the version that a host is to have; null: not known */
export function hostChange(
  stack: Stack,
  current: Release | null,
  next: (host: Host) => { readonly dagster: string | null; readonly contentKey: string } | undefined,
): HostChange {
  if (current === null) return { kind: "same" };
  const moves = hostsOf(stack).flatMap((host) => {
    const [was, will] = [imageOf(current, host), next(host)];
    if (was === undefined || will === undefined || was.contentKey === will.contentKey) return [];
    return [{ host: host.key, from: was.dagster, to: will.dagster, by: rise(was.dagster, will.dagster) }];
  });
  const move = moves.find(({ by }) => by === "up") ?? moves.find(({ by }) => by === "down");
  if (move?.by === "up" || move?.by === "down") return { kind: move.by, from: move.from ?? "", to: move.to ?? "" };
  const hosts = moves.flatMap(({ host, by }) => (by === "unknown" ? [host] : []));
  return hosts.length === 0 ? { kind: "same" } : { kind: "unknown", hosts };
}

/** What there is to say of a change of version. */
export function checkHostChange(stack: Stack, change: HostChange, { kept }: Pick<Release, "kept">): readonly Finding[] {
  const [host] = hostsOf(stack);
  const where = host?.place ?? stack.file;
  if (change.kind === "unknown") {
    // With the labels of one that stays its Dagster stays.
    const hosts = change.hosts.filter((key) => kept[key] === undefined);
    if (hosts.length === 0) return [];
    return [
      {
        id: "dagster-version-unknown",
        level: "notice",
        where,
        what: `Whether Dagster's version changes under ${hosts.join(" and ")} cannot be told: the lock file of the image, or of the one that is released, does not pin \`dagster\`. Code goes first, as when it does not change.`,
        fix: "Let `requirements` of the image name a lock file that pins dagster.",
      },
    ];
  }
  if (change.kind === "down") {
    return [
      {
        id: "dagster-older",
        level: "warning",
        where,
        what: `Dagster goes back from ${change.from} to ${change.to}: \`dagster instance migrate\` of the newer one may have run, is not taken back, and the older one may not read the schema.`,
        fix: "Nothing to do when the database was not migrated since, or was restored. Otherwise stay on the newer Dagster, and mend the code.",
        source: migrating,
      },
    ];
  }
  if (change.kind !== "up" || stack.migrations.some(({ tool }) => tool === "dagster")) return [];
  return [
    {
      id: "dagster-not-migrated",
      level: "warning",
      where,
      what: `Dagster goes from ${change.from} to ${change.to}, and no migration of the stack brings its database along.`,
      fix: "Add `{ name: instance, tool: dagster, image: … }` to `migrations`, with the image of the hosts.",
      source: migrating,
    },
  ];
}

/**
 * Hosts that a partial release leaves running, on the older Dagster, while it migrates the database: nobody of the old version may
 * write to it then.
 */
export function checkHostsLeft(
  stack: Stack,
  scope: Stack,
  change: HostChange,
  { services }: Pick<Observation, "services">,
  steps: readonly Step[],
): readonly Finding[] {
  const migrated = scope.migrations.filter(({ tool }) => tool === "dagster").map(({ name }) => name);
  const isDue = steps.some((step) => step.kind === "run-task" && migrated.includes(step.migration));
  if (change.kind !== "up" || !isDue) return [];
  const left = hostsOf(stack).filter(({ key }) => {
    const { desiredCount = 0, runningCount = 0, pendingCount = 0 } = services[key] ?? {};
    return !Object.hasOwn(scope.services, key) && desiredCount + runningCount + pendingCount > 0;
  });
  return left.map(({ key, place }) => ({
    id: "host-left-running",
    level: "error",
    where: place,
    what: `Dagster goes from ${change.from} to ${change.to}, and its database is migrated; ${key} is not named under \`only\`, and would go on writing to it as ${change.from} does.`,
    fix: `Name ${key} under \`only\` as well; or deploy the whole stack.`,
    source: migrating,
  }));
}

type Host = Daemon | Webserver;

/** Those that must not be older than the code. The daemon comes first. */
export function hostsOf({ services }: Stack): readonly Host[] {
  const hosts = Object.values(services).flatMap((service) => (service.kind === "code-location" ? [] : [service]));
  return [...hosts.filter(({ kind }) => kind === "daemon"), ...hosts.filter(({ kind }) => kind === "webserver")];
}

/** Does the minor version rise from one to the other? */
function rise(from: string | null, to: string | null): HostChange["kind"] {
  const [before, after] = [minorOf(from), minorOf(to)];
  if (before === null || after === null) return "unknown";
  if (before === after) return "same";
  return before < after ? "up" : "down";
}
