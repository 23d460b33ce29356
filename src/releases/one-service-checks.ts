import { parseArn } from "../aws/arn.ts";
import { isAwsError } from "../aws/error.ts";
import { goesBackByItself, mustGoBackByItself } from "../deployments/strategies.ts";
import type { ServiceObservation } from "../deployments/service.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { isMap, type JsonMap } from "../domain/json.ts";
import { parseRevision, sameRevision } from "../domain/verdict.ts";
import type { Registry } from "../images/index.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { definitionNamed } from "../task-definitions/observe.ts";
import type { Clients } from "./connections.ts";
import { mayOverlap } from "./drift.ts";
import { judgeNeeds } from "./verify/judge.ts";
import { lookAtNeeds } from "./verify/look.ts";
import { needsOfDefinition } from "./verify/needs.ts";

/** One service that is to be brought to one revision, without a stack. */
export interface OneService {
  readonly cluster: string;
  readonly service: string;
  /** `family:7`, or its ARN. */
  readonly taskDefinition: string;
}

/**
 * What cannot go well, before anything is begun: a revision that is not there or INACTIVE, an image that the registry lacks or that is for
 * another platform. What may go wrong is reported: no circuit breaker, two daemons at once. What this job may not look at
 * is reported as such.
 * @param before null: there is no such service
 * @throws UserError; AwsError
 */
export async function checkOneService(
  context: Context,
  clients: Clients,
  registryOf: (account: string) => Promise<Registry>,
  wanted: OneService,
  before: ServiceObservation | null,
): Promise<void> {
  // That it is not there is told by who rolls it; and what runs already starts nothing.
  if (before === null || sameRevision(before.revision, parseRevision(wanted.taskDefinition))) return;
  const { report } = context;
  const definition = await definitionOrWhy(clients, wanted);
  if (typeof definition === "string") report({ kind: "line", text: `not looked at before it begins: ${definition}` });
  const content = typeof definition === "string" ? null : definition.content;
  const findings = [
    ...ofService(wanted, before, content),
    ...(content === null ? [] : await ofImages(context, clients, registryOf, wanted, before, content)),
  ];
  for (const finding of findings) {
    if (finding.level === "error") throw new UserError(finding);
    report({ kind: "finding", finding });
  }
}

async function definitionOrWhy(
  { ecs }: Pick<Clients, "ecs">,
  { taskDefinition }: OneService,
): Promise<Definition | string> {
  try {
    const found = await definitionNamed(ecs, taskDefinition);
    if (found?.active === true) return found;
    throw new UserError({
      what: `Task definition ${taskDefinition} ${found === null ? "does not exist" : "is INACTIVE: it was deregistered"}.`,
      where: "input task-definition",
      fix: "Name a revision that is ACTIVE; register-task-def registers one from a file. Account and region are those of this job.",
    });
  } catch (error) {
    if (isAwsError(error, "denied")) return error.what;
    throw error;
  }
}

function ofService({ service }: OneService, before: ServiceObservation, content: JsonMap | null): readonly Finding[] {
  const where = `service ${service}`;
  const warning = { level: "warning", where } as const;
  const { minimumHealthyPercent: minimum, maximumPercent: maximum } = before.rollout;
  return [
    ...(goesBackByItself(before.rollout) || !mustGoBackByItself(before.rollout)
      ? []
      : [
          {
            ...warning,
            id: "no-breaker",
            what: `Service ${service} has no circuit breaker with rollback: ECS starts tasks that fail again and again, and takes nothing back by itself.`,
            fix: "Switch the deployment circuit breaker on, with rollback, where the service is made.",
          },
        ]),
    ...(content === null || !runsDaemon(content) || !mayOverlap(before)
      ? []
      : [
          {
            ...warning,
            id: "daemon-overlaps",
            what: `Service ${service} would run two daemons at once while it is replaced (percentages ${minimum}/${maximum}): both start runs, and schedules tick twice.`,
            fix: "Set minimumHealthyPercent 0 and maximumPercent 100 on the service.",
          },
        ]),
  ];
}

function runsDaemon({ containerDefinitions }: JsonMap): boolean {
  const containers = Array.isArray(containerDefinitions) ? containerDefinitions : [];
  return containers.filter(isMap).some(({ entryPoint, command }) => {
    const words: readonly unknown[] = [entryPoint, command].flat();
    return words.some((word) => typeof word === "string" && /(^|[/\s])dagster-daemon(\s|$)/.test(word));
  });
}

async function ofImages(
  { report }: Context,
  clients: Clients,
  registryOf: (account: string) => Promise<Registry>,
  { service, taskDefinition }: OneService,
  { arn }: ServiceObservation,
  content: JsonMap,
): Promise<readonly Finding[]> {
  const home = parseArn(arn);
  if (home === null) return [];
  const placeOf = (): string => `task definition ${taskDefinition}`;
  const needed = needsOfDefinition({ definition: `service ${service}`, content, placeOf }, home, new Set()).filter(
    ({ need }) => need.kind === "image",
  );
  if (needed.length === 0) return [];
  try {
    const needs = needed.map(({ need }) => need);
    const registry = await registryOf(home.account);
    return judgeNeeds(needed, await lookAtNeeds(clients, { registry }, home, needs, false));
  } catch (error) {
    if (!isAwsError(error, "denied")) throw error;
    report({ kind: "line", text: `images are not looked at before it begins: ${error.what}` });
    return [];
  }
}
