import { showPlace } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { isSecretName, isSecretValue } from "../domain/redaction.ts";
import type { Stack, Task } from "./stack.ts";

/**
 * What can be said of a stack before anything is asked.
 * @param today the day in UTC, `2026-11-21`
 */
export function findings(stack: Stack, today: string): readonly Finding[] {
  return withLevels([...secretsInEnvironment(stack), ...runsWithoutTheirCode(stack)], stack.checks, today);
}

/**
 * Findings with the levels that `checks:` gives them. An exception that has ended counts no more, and says so.
 * @param today the day in UTC, `2026-11-21`; an exception holds through its last day
 */
export function withLevels(found: readonly Finding[], checks: Stack["checks"], today: string): readonly Finding[] {
  return found.map((finding) => {
    const check = Object.hasOwn(checks, finding.id) ? checks[finding.id] : undefined;
    if (check === undefined) return finding;
    if (check.until === null || today <= check.until) return { ...finding, level: check.level };
    return { ...finding, what: `${finding.what} The exception for ${finding.id} ended on ${check.until}.` };
  });
}

/** Anybody who may read a task definition reads its environment, in every revision there ever was. */
function secretsInEnvironment(stack: Stack): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const { variables } of tasksOf(stack)) {
    for (const [name, { value, place }] of Object.entries(variables.environment)) {
      if (!looksSecret(name, value)) continue;
      found.set(`${name} ${showPlace(place)}`, {
        id: "secret-in-environment",
        level: "error",
        where: place,
        what: `${name} looks like a secret in plain text.`,
        fix: "Put it into Secrets Manager or SSM, and name it under `secrets` or `secrets-from`.",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html",
      });
    }
  }
  return [...found.values()];
}

/** `AUTH_ENABLED: "true"` has a secret's name and cannot hold one. */
function looksSecret(name: string, value: string): boolean {
  if (/^(true|false|)$/i.test(value)) return false;
  return isSecretName(name) || isSecretValue(value);
}

/** A run loads its job again, in its own container: the code must be in there, in the version that was served. */
function runsWithoutTheirCode(stack: Stack): readonly Finding[] {
  if (stack.runs.kind === "in-process") return [];
  return Object.values(stack.runs.definitions).flatMap(({ location, image, place }) => {
    const servers = Object.values(stack.services).filter((service) =>
      service.kind === "code-location" ? service.location === location : service.locations.includes(location),
    );
    if (servers.some((server) => server.image === image)) return [];
    const served = servers.map((server) => server.image).join(" and ");
    return [
      {
        id: "run-image",
        level: "warning" as const,
        where: place,
        what: `Runs of ${JSON.stringify(location)} start from the image ${image}; its code is served from ${served}.`,
        fix: "Remove `runs.image`: each location's runs then start from the image that serves it.",
      },
    ];
  });
}

function tasksOf({ services, runs, migrations }: Stack): readonly Task[] {
  return [...Object.values(services), ...(runs.kind === "ecs" ? Object.values(runs.definitions) : []), ...migrations];
}
