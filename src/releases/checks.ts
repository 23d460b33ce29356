import type { Finding } from "../domain/finding.ts";
import { canonicalJson } from "../domain/json.ts";
import { instant } from "../domain/identifiers.ts";
import type { Plan } from "../domain/plan.ts";
import { imagesOf, type Release } from "../domain/release.ts";
import { findings as stackFindings, withLevels } from "../stack/findings.ts";
import type { Service, Stack } from "../stack/stack.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { goesBackByItself, mustGoBackByItself } from "../deployments/strategies.ts";
import { driftFindings, mayOverlap, ownershipFindings } from "./drift.ts";
import { mayApply } from "./plans/settings.ts";
import { isRenamed, movedOf, type Observation, showRunning } from "./observation.ts";

const deploymentTypes = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html";
const circuitBreaker = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html";

/**
 * A plan with the findings of the stack file, and all of them with the levels that `checks:` gives them.
 * @param now milliseconds since 1970
 */
export function withFindings(stack: Stack, plan: Plan, now: number): Plan {
  const today = dayOf(now);
  return { ...plan, findings: [...stackFindings(stack, today), ...withLevels(plan.findings, stack.checks, today)] };
}

/** The day in UTC, as exceptions of `checks:` name it. @param now milliseconds since 1970 */
export function dayOf(now: number): string {
  return instant(now).slice(0, 10);
}

/**
 * What cannot go well with the services as they are, and what is not as the current release says.
 * @param brought keys of services that get something new, and ECS is to take it back from when it fails
 */
export function checkServices(
  stack: Stack,
  observation: Observation,
  brought: ReadonlySet<string>,
): readonly Finding[] {
  return [
    ...Object.values(stack.services).flatMap((service) =>
      checkService(service, observation.services[service.key] ?? null, stack, brought.has(service.key)),
    ),
    ...checkRenamed(stack, observation),
    ...driftFindings(stack, observation),
    ...ownershipFindings(stack, observation.services),
  ];
}

/** Whether the former one may run beside the one that has its key now is not known: neither is started then. */
function checkRenamed(stack: Stack, observation: Observation): readonly Finding[] {
  return movedOf(stack, observation).flatMap(({ key, now, former }): Finding[] => {
    if (!isRenamed(key)) return [];
    return [
      {
        id: "moved-service-renamed",
        level: "error",
        where: { file: stack.file, line: 1, column: 1 },
        what: `A release that was cut, or failed, has moved ECS service ${now.name}, which ran ${showRunning(former.taskDefinition, former.desiredCount)} before; the stack file has another service in its place now, and no release would bring it back.`,
        fix: `Put ${now.name} back into the stack file, where it was; deploy, or roll back; and rename it after that.`,
      },
    ];
  });
}

/**
 * Credentials that end before everything that is to be done can have come to its end.
 * @param endAt of the credentials, and `now`: milliseconds since 1970; null: nobody says, or they are renewed
 */
export function checkCredentials(endAt: number | null, longest: number, now: number): readonly Finding[] {
  if (endAt === null || endAt >= now + longest * 1000) return [];
  return [
    {
      id: "credentials-expire",
      level: "warning",
      where: "credentials of this job",
      what: `They end at ${instant(endAt)}, and this may take ${Math.ceil(longest / 60)} minutes from now with all its time-outs: then nothing could be taken back.`,
      fix: "Let them be renewed: input `role-to-assume`. Or give the job a longer session: role-duration-seconds of aws-actions/configure-aws-credentials.",
    },
  ];
}

/** One-off tasks of an image share a definition: RunTask cannot give one of them other secrets or another role. */
export function checkMigrations({ migrations }: Stack): readonly Finding[] {
  return migrations.flatMap((migration, index) => {
    const other = migrations.slice(0, index).find(({ image }) => image === migration.image);
    if (other === undefined || settingsOf(other) === settingsOf(migration)) return [];
    return [
      {
        id: "migrations-differ",
        level: "error",
        where: migration.place,
        what: `Migrations ${other.name} and ${migration.name} run the same image with different settings, and share one task definition.`,
        fix: "Give both the same environment, secrets, roles and log group (`like-service:`); or an image each.",
      },
    ];
  });
}

function settingsOf({ variables, executionRole, taskRole, logGroup }: Stack["migrations"][number]): string {
  const { environment, secrets, parameterPaths } = variables;
  const plain = Object.entries(environment).map(([name, { value }]) => [name, value]);
  const named = Object.entries(secrets).map(([name, { secret }]) => [name, secret]);
  const paths = parameterPaths.map(({ path }) => path);
  return canonicalJson([
    Object.fromEntries(plain),
    Object.fromEntries(named),
    paths,
    executionRole,
    taskRole,
    logGroup,
  ]);
}

function checkService(
  service: Service,
  observed: Observation["services"][string],
  { contract }: Stack,
  isBrought: boolean,
): readonly Finding[] {
  const { place: where, service: name } = service;
  if (observed === null) {
    return [
      {
        id: "service-missing",
        level: "error",
        where,
        what: `Cluster ${contract.cluster} has no service ${name}.`,
        fix: "Let the infrastructure create it (count 0 is enough), or name the one that exists: `service:` here, or in the contract.",
      },
    ];
  }
  // The plan sets them before it rolls the service.
  if (mayApply(service, observed)) return [];
  const { minimumHealthyPercent: minimum, maximumPercent: maximum } = observed.rollout;
  return [
    ...(service.kind === "daemon" && mayOverlap(observed)
      ? [
          {
            id: "daemon-overlaps",
            level: "error" as const,
            where,
            what: `Service ${name} would run two daemons at once while it is replaced (percentages ${minimum}/${maximum}): both start runs, and schedules tick twice.`,
            fix: "Set minimumHealthyPercent 0 and maximumPercent 100 on the service.",
            source: deploymentTypes,
          },
        ]
      : []),
    ...(goesBackByItself(observed.rollout)
      ? []
      : [
          {
            id: "no-breaker",
            level: isBrought && mustGoBackByItself(observed.rollout) ? ("error" as const) : ("warning" as const),
            where,
            what: `Service ${name} has no circuit breaker with rollback: ECS starts tasks that fail again and again, and takes nothing back by itself.`,
            fix:
              observed.cloudFormationStack === null
                ? "Switch the deployment circuit breaker on, with rollback, where the service is made; or let a release do so: `rollout: apply` here."
                : `Switch the deployment circuit breaker on, with rollback, in CloudFormation stack ${observed.cloudFormationStack}, which makes the service.`,
            source: circuitBreaker,
          },
        ]),
  ];
}

/** What an earlier release needs, and is not there any more. */
export function checkTarget(
  stack: Stack,
  observation: Observation,
  to: Release,
  wanted: Readonly<Record<string, Definition | null>>,
  images: Readonly<Record<string, boolean>>,
): readonly Finding[] {
  const where = `release ${to.id}`;
  const pinned = imagesOf(to);
  const gone = Object.keys(pinned).filter((key) => images[key] !== true);
  // One-off definitions are of migrations, and going back runs none. One that is INACTIVE only is registered anew.
  const unknownToEcs = Object.entries(to.taskDefinitions).filter(
    ([definition]) => !definition.startsWith("once/") && wanted[definition] === null,
  );
  const unknown = Object.keys(stack.services).filter((key) => to.taskDefinitions[`service/${key}`] === undefined);
  const moved = new Set(movedOf(stack, observation).map(({ key }) => key));
  return [
    ...gone.map(
      (key): Finding => ({
        id: "rollback-image-gone",
        level: "error",
        where,
        what: `The registry does not have image ${key} of that release any more (${pinned[key]?.digest ?? ""}).`,
        fix: "Check out that commit and deploy it: the image is made again. Or go back to a release whose images are kept.",
      }),
    ),
    ...unknownToEcs.map(
      ([definition, { family, revision }]): Finding => ({
        id: "rollback-definition-gone",
        level: "error",
        where,
        what: `Task definition ${family}:${revision} of ${definition} was deleted: ECS does not know what stood in it.`,
        fix: "Check out that commit and deploy it: the definition is registered again.",
      }),
    ),
    ...unknown.map(
      (key): Finding => ({
        id: "rollback-service-unknown",
        level: "warning",
        where,
        what: `That release did not have the service ${key}: it ${moved.has(key) ? "goes back to what it was before the release that was cut, or failed" : "stays as it is"}.`,
        fix: "Check that it works with the older ones; or take it out of the stack file first.",
      }),
    ),
  ];
}
