import { dagsListName, dagsLists } from "../../domain/dags-list.ts";
import { loadedDags } from "../dags-definitions.ts";
import { homeOf } from "../definitions.ts";
import type { JsonMap } from "../../domain/json.ts";
import { dagsPrefix } from "../../domain/dags.ts";
import type { Stack, Task } from "../../stack/index.ts";
import type { ContractAddress } from "../open.ts";
import { type PolicyNames, roleOf } from "./policy.ts";

/** What a policy is narrowed to, beside what the stack file and the contract say. */
export interface Found {
  readonly address: ContractAddress;
  /** Definitions of the user's own, as they are written. */
  readonly contents: readonly JsonMap[];
  /** ECR repositories of this account and region that images are built upon. */
  readonly bases: readonly string[];
}

/** Every name in a stack that a role must know, each once. @param stack with the names that its own definitions have */
export function policyNames(stack: Stack, { address, contents, bases }: Found): PolicyNames {
  const home = homeOf(stack);
  const services = Object.values(stack.services);
  const runs = stack.runs.kind === "ecs" ? Object.values(stack.runs.definitions) : [];
  const tasks: readonly Task[] = [...services, ...runs, ...stack.migrations];
  const definitions = [...services, ...runs].map(({ definition }) => definition);
  const roles = [
    ...tasks.flatMap(({ executionRole, taskRole }) => [executionRole, taskRole]),
    ...contents.flatMap((content) => [content["executionRoleArn"], content["taskRoleArn"]]),
  ];
  const groups = [
    ...tasks.map(({ logGroup }) => logGroup),
    ...definitions.map((definition) => (definition.kind === "generated" ? null : (definition.log?.group ?? null))),
  ];
  const { cluster, bucket } = stack.contract;
  const plainDags = Object.values(stack.dags).filter(({ layout, source }) => layout !== "versioned" && source === null);
  return {
    home,
    stack: stack.name,
    cluster,
    contract: address,
    bucket,
    dags: [
      ...Object.values(stack.dags).map(({ prefix, source }) => ({ prefix, isWritten: source === null })),
      ...(loadedDags(stack).length === 0 ? [] : [{ prefix: `${dagsLists}${dagsListName(stack)}`, isWritten: true }]),
    ],
    plainDags: named(plainDags.map(({ mirrorPrefix }) => mirrorPrefix)),
    published: named(locationsOf(stack).map((location) => stack.dags[location]?.prefix ?? dagsPrefix(location))),
    services: named(services.flatMap(({ service, replaces }) => [service, replaces])),
    families: named(definitions.map(({ family }) => family)).filter((family) => !family.startsWith(`${stack.name}-`)),
    repositories: named([...Object.values(stack.images).map(({ repository }) => repository), ...bases]),
    roles: named(roles).map((role) => roleOf(home, role)),
    logGroups: named(groups),
  };
}

/** Locations of which code may be published by itself, whether or not the stack file has `dags` for them. */
function locationsOf({ services, dags }: Stack): readonly string[] {
  const loaded = Object.values(services).flatMap((service) =>
    service.kind === "code-location" ? [service.location] : service.locations,
  );
  return [...loaded, ...Object.keys(dags)];
}

/** Those that are names, sorted, each once. */
function named(names: readonly unknown[]): readonly string[] {
  return [...new Set(names.flatMap((name) => (typeof name === "string" && name !== "" ? [name] : [])))].sort();
}
