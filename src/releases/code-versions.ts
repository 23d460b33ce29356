import type { Finding } from "../domain/finding.ts";
import type { Service, Stack } from "../stack/stack.ts";
import { minorOf } from "../dagster/versions.ts";
import { hostsOf } from "./plans/host-change.ts";

/**
 * Locations whose code has a newer minor version of Dagster than a host that loads it. Hosts and code move by themselves: an image of
 * their own, a repository of their own, a release of one alone.
 * @param versionOf the version of Dagster that a service is to have; null: not known, or it is not released
 */
export function checkCodeVersions(stack: Stack, versionOf: (service: Service) => string | null): readonly Finding[] {
  return Object.values(stack.services).flatMap((service): readonly Finding[] => {
    if (service.kind !== "code-location") return [];
    const version = versionOf(service);
    const older = hostsOf(stack).filter((host) => isNewer(version, versionOf(host)));
    if (older.length === 0) return [];
    const hosts = older.map((host) => `${host.key} (${versionOf(host) ?? ""})`).join(" and ");
    return [
      {
        id: "code-newer-than-hosts",
        level: "warning",
        where: service.place,
        what: `Location ${service.location} will have Dagster ${version ?? ""}, which is newer than that of ${hosts}: no host may be older than the code that it loads.`,
        fix: "Raise Dagster in the image of webserver and daemon, and release them first, or along with it; or pin the location to their version.",
        source: "https://github.com/dagster-io/dagster/issues/23734",
      },
    ];
  });
}

function isNewer(version: string | null, than: string | null): boolean {
  const [one, other] = [minorOf(version), minorOf(than)];
  return one !== null && other !== null && one > other;
}
