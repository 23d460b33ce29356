import type {
  DeregisterTaskDefinitionRequest,
  DeregisterTaskDefinitionResponse,
  DescribeTaskDefinitionRequest,
  DescribeTaskDefinitionResponse,
  ListTaskDefinitionsRequest,
  ListTaskDefinitionsResponse,
  RegisterTaskDefinitionRequest,
  RegisterTaskDefinitionResponse,
  TaskDefinition,
} from "@aws-sdk/client-ecs";
import { Refusal, type Bed, type CallContext, type Given, type Operations } from "../bed.ts";
import { withDefaults } from "../definition-defaults.ts";
import { findDefinition } from "../find.ts";
import { pageOf } from "../pages.ts";
import { registrationFault } from "../registration.ts";
import type { Definition } from "../state.ts";
import { setTags, tagsOf } from "./tags.ts";

type Registration = Given<RegisterTaskDefinitionRequest, "family" | "containerDefinitions">;

export const taskDefinitionOperations = {
  RegisterTaskDefinition: (bed, input: Registration, { caller }: CallContext): RegisterTaskDefinitionResponse => {
    checkRegistration(bed, input);
    const { tags = [], ...sent } = input;
    const revisions = bed.state.families.get(sent.family) ?? [];
    const revision = revisions.length + 1;
    const content = {
      ...(bed.rules.definitionDefaults ? withDefaults(sent) : sent),
      family: sent.family,
      taskDefinitionArn: bed.names.arn("task-definition", `${sent.family}:${revision}`),
      revision,
      status: "ACTIVE",
      registeredAt: new Date(bed.time.now()),
      registeredBy: `arn:aws:sts::${bed.account}:assumed-role/${caller}/session`,
    } satisfies TaskDefinition;
    setTags(bed, content.taskDefinitionArn, tags);
    const definition: Definition = { content, status: "ACTIVE" };
    bed.state.families.set(sent.family, [...revisions, definition]);
    return { taskDefinition: view(definition), tags: tagsOf(bed, content.taskDefinitionArn) };
  },

  DescribeTaskDefinition: (
    bed,
    { taskDefinition, include = [] }: Given<DescribeTaskDefinitionRequest, "taskDefinition">,
  ): DescribeTaskDefinitionResponse => {
    const definition = findDefinition(bed, taskDefinition);
    const tags = include.includes("TAGS") ? tagsOf(bed, definition.content.taskDefinitionArn) : undefined;
    return { taskDefinition: view(definition), tags };
  },

  ListTaskDefinitions: (bed, input: ListTaskDefinitionsRequest): ListTaskDefinitionsResponse => {
    const { familyPrefix, status = "ACTIVE", sort = "ASC" } = input;
    const arns = [...bed.state.families]
      .filter(([family]) => familyPrefix === undefined || family === familyPrefix)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, revisions]) => revisions.filter((revision) => revision.status === status))
      .map(({ content }) => content.taskDefinitionArn);
    const { elements, nextToken } = pageOf(
      sort === "DESC" ? arns.toReversed() : arns,
      input,
      bed.rules.pageMost,
      bed.rules.pageMost,
    );
    return { taskDefinitionArns: [...elements], nextToken };
  },

  DeregisterTaskDefinition: (
    bed,
    { taskDefinition }: Given<DeregisterTaskDefinitionRequest, "taskDefinition">,
  ): DeregisterTaskDefinitionResponse => {
    if (!/:\d+$/.test(taskDefinition)) {
      throw new Refusal("InvalidParameterException", "The revision of the task definition must be specified.");
    }
    const definition = findDefinition(bed, taskDefinition);
    definition.status = "INACTIVE";
    definition.deregisteredAt = bed.time.now();
    return { taskDefinition: view(definition) };
  },
} satisfies Operations;

function view({ content, status, deregisteredAt }: Definition): TaskDefinition {
  return { ...content, status, deregisteredAt: deregisteredAt === undefined ? undefined : new Date(deregisteredAt) };
}

/** What AWS refuses beyond the service model. Each is a refusal that somebody has met. */
function checkRegistration(bed: Bed, input: Registration): void {
  const refuse = (message: string) => {
    throw new Refusal("ClientException", message);
  };
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(input.family)) {
    refuse("Family contains invalid characters. It should match the pattern [a-zA-Z0-9-_]{1,255}");
  }
  if (Buffer.byteLength(JSON.stringify(input)) > bed.rules.definitionBytes) {
    refuse(
      `Actual length: ${JSON.stringify(input).length}. Max allowed length is '${bed.rules.definitionBytes}' bytes.`,
    );
  }
  const containers = input.containerDefinitions;
  if (containers.length === 0) refuse("Container list cannot be empty.");
  if (containers.every(({ essential }) => essential === false)) {
    refuse("At least one container definition must be essential.");
  }
  const names = containers.map(({ name }) => name);
  if (names.some((name) => name === undefined || name === "")) refuse("Container.name should not be null or empty.");
  if (new Set(names).size < names.length) refuse("Container names must be unique.");
  for (const { name = "", image, environment = [], secrets = [] } of containers) {
    if (image === undefined || image === "") refuse("Container.image should not be null or empty.");
    const doubled = environment.find((pair) => secrets.some((secret) => secret.name === pair.name));
    if (doubled !== undefined) {
      refuse(
        `The secret name must be unique and not shared with any new or existing environment variables set on the ` +
          `container, such as '${doubled.name ?? ""}'. (container ${name})`,
      );
    }
  }
  if (input.requiresCompatibilities?.includes("FARGATE") === true) checkFargate(input, refuse);
  const fault = registrationFault(bed, input);
  if (fault !== null) refuse(fault);
  for (const role of [input.executionRoleArn, input.taskRoleArn]) {
    if (role !== undefined && !roleExists(bed, role)) refuse("Role is not valid");
  }
}

function checkFargate(input: Registration, refuse: (message: string) => void): void {
  if (input.networkMode !== "awsvpc") {
    refuse("Fargate only supports network mode ‘awsvpc’.");
  }
  if (input.cpu === undefined || input.memory === undefined) {
    refuse("Fargate requires that 'cpu' and 'memory' be defined at the task level.");
  }
  const usesSecrets = input.containerDefinitions.some(({ secrets = [] }) => secrets.length > 0);
  const logs = input.containerDefinitions.some(({ logConfiguration }) => logConfiguration?.logDriver === "awslogs");
  if (input.executionRoleArn === undefined && (usesSecrets || logs)) {
    refuse("Fargate requires task definition to have execution role ARN to support log driver awslogs.");
  }
}

function roleExists(bed: Bed, nameOrArn: string): boolean {
  const { roles } = bed.neighbours;
  return roles.size === 0 || roles.has(nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1));
}
