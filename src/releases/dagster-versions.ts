import { isOlder, oldestAsked, oldestPinned, oldestWhole } from "../dagster/versions.ts";
import type { Finding } from "../domain/finding.ts";
import type { Service, Stack } from "../stack/stack.ts";

/**
 * Services whose Dagster is older than what this version asks and pins. Below the first of three bounds fewer gates are asked, below the
 * second nobody knows which, and both are said; below the third a run would start from whatever was released last, which stops the
 * release.
 * @param versionOf the version of Dagster that a service is to have; null: not known, or it is not released
 */
export function checkDagsterVersions(stack: Stack, versionOf: (service: Service) => string | null): readonly Finding[] {
  const old = Object.values(stack.services).flatMap((service) => {
    const version = versionOf(service);
    return version !== null && isOlder(version, oldestWhole) ? [{ service, version }] : [];
  });
  const versions = [...new Set(old.map(({ version }) => version))];
  return versions.map((version): Finding => {
    const those = old.filter((one) => one.version === version).map(({ service }) => service);
    const where = those[0]?.place ?? stack.file;
    const named = those.map(({ key }) => key).join(", ");
    const fix = `Raise \`dagster\` to ${oldestWhole} or newer in the lock file of the image.`;
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
    if (!isOlder(version, oldestAsked)) {
      return {
        id: "dagster-unsupported",
        level: "notice",
        where,
        what: `Dagster ${version}, which the lock file pins for ${named}, is older than ${oldestWhole}: ${fewer(version)}`,
        fix,
      };
    }
    return {
      id: "dagster-unsupported",
      level: "warning",
      where,
      what: `Dagster ${version}, which the lock file pins for ${named}, is older than ${oldestAsked}: nobody has looked whether it knows what the gates ask, and a release would be taken back where it does not.`,
      fix,
    };
  });
}

/** What such a version does without, where its schema has no words for it. */
function fewer(version: string): string {
  const canary = "where it does not know assets and partitions of jobs as 1.9 does, a canary of them is not asked";
  if (!isOlder(version, "1.8")) return `${canary}.`;
  return `${canary}; and where it tells no creation time of runs, those in the queue are not listed, and \`restore\` turns nothing off.`;
}
