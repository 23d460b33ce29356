import { oldestAsked, oldestPinned } from "../dagster/versions.ts";
import type { Finding } from "../domain/finding.ts";
import type { Service, Stack } from "../stack/stack.ts";
import { minorOf } from "./plans/host-change.ts";

/**
 * Services whose Dagster is older than what this version asks and pins. Below the first of the two bounds gates may be refused, which
 * is said; below the second a run would start from whatever was released last, which stops the release.
 * @param versionOf the version of Dagster that a service is to have; null: not known, or it is not released
 */
export function checkDagsterVersions(stack: Stack, versionOf: (service: Service) => string | null): readonly Finding[] {
  const old = Object.values(stack.services).flatMap((service) => {
    const version = versionOf(service);
    return version !== null && isOlder(version, oldestAsked) ? [{ service, version }] : [];
  });
  const versions = [...new Set(old.map(({ version }) => version))];
  return versions.map((version): Finding => {
    const those = old.filter((one) => one.version === version).map(({ service }) => service);
    const where = those[0]?.place ?? stack.file;
    const named = those.map(({ key }) => key).join(", ");
    const fix = `Raise \`dagster\` to ${oldestAsked} or newer in the lock file of the image.`;
    if (stack.runs.kind === "ecs" && isOlder(version, oldestPinned)) {
      return {
        id: "dagster-unsupported",
        level: "error",
        where,
        what: `Dagster ${version}, which the lock file pins for ${named}, has no \`task_definition_arn\` in its container context: runs could not be held to the image of a release.`,
        fix,
        source: "https://docs.dagster.io/deployment/oss/deployment-options/aws",
      };
    }
    return {
      id: "dagster-unsupported",
      level: "warning",
      where,
      what: `Dagster ${version}, which the lock file pins for ${named}, is older than ${oldestAsked}: it may not know what the gates ask, and a release would be taken back for that.`,
      fix,
    };
  });
}

function isOlder(version: string, than: string): boolean {
  const [one, other] = [minorOf(version), minorOf(than)];
  return one !== null && other !== null && one < other;
}
