import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../domain/context.ts";
import { showPlace, UserError } from "../../domain/errors.ts";
import { repositoriesBeneath } from "../../images/index.ts";
import type { Dockerfile, Stack } from "../../stack/index.ts";
import type { Connections } from "../connections.ts";
import { registryOf } from "../definitions.ts";
import { liveDefinitions, withNames, writtenDefinitions } from "../existing.ts";
import type { Observation } from "../observation.ts";
import { definitionsOfService } from "../observe/definitions.ts";
import { readDefinitionFiles, readRegisteredDefinitions } from "../observe/existing.ts";
import { observeServicesByKey } from "../observe/services.ts";
import { type OpenStack, openStack, type StackLocation } from "../open.ts";
import { statementsOfGates } from "./gates.ts";
import { policyNames } from "./names.ts";
import { type Asked, policyCommands, type PolicyDocument, policyFor } from "./policy.ts";

/** What a role is to be for. */
export interface PolicyRequest extends StackLocation {
  /** Commands, as docs/permissions.md names them. */
  readonly commands: readonly string[];
  readonly verifies: boolean;
  readonly keepsRevisions: boolean;
}

/**
 * The policy of a role that releases this stack, or only looks at it. Reads the contract, and the definitions of services that are taken
 * as they run.
 * @throws UserError, AwsError
 */
export async function rolePolicy(
  context: Context,
  connections: Connections,
  request: PolicyRequest,
): Promise<PolicyDocument> {
  const unknown = request.commands.filter((command) => !policyCommands.includes(command));
  if (unknown.length > 0) {
    throw new UserError({
      what: `A role cannot be for ${unknown.map((command) => JSON.stringify(command)).join(", ")}.`,
      where: "option --for",
      fix: `It has some of ${policyCommands.join(", ")}: see docs/permissions.md.`,
    });
  }
  const open = await openStack(context, connections, request);
  const { stack } = open;
  const written = await writtenIn(open, request.root);
  const contents = Object.values(written.existing).map(({ content }) => content);
  const bases = await basesOf(stack, request.root);
  const names = policyNames(withNames(stack, written), { address: open.contractAddress, contents, bases });
  const wishes: readonly (readonly [Asked, boolean])[] = [
    ["scan", Object.values(stack.images).some(({ scan }) => scan !== "off")],
    ["create", Object.values(stack.images).some(({ create }) => create !== null)],
    ["reach-task", stack.gates.reach === "task"],
    ["verify", request.verifies],
    ["keep-revisions", request.keepsRevisions || request.commands.includes("clean-up")],
    ["dags", Object.keys(stack.dags).length > 0],
  ];
  const asked = wishes.flatMap(([wish, isSo]) => (isSo ? [wish] : []));
  const { Version, Statement } = policyFor(names, { commands: request.commands, asked });
  return { Version, Statement: [...Statement, ...statementsOfGates(names.home, stack.gates, request.commands)] };
}

/** Definitions of the user's own: in the checkout, or as their services run them. */
async function writtenIn(
  { stack, clients }: OpenStack,
  root: string,
): Promise<Pick<Observation, "existing" | "definitions" | "services">> {
  const files = await readDefinitionFiles(stack, root);
  const existing = { ...files.existing, ...(await readRegisteredDefinitions(clients, stack)) };
  if (!writtenDefinitions(stack).some(({ of }) => of.kind === "live")) {
    return { existing, definitions: {}, services: {} };
  }
  const services = await observeServicesByKey(clients, stack, { unfinished: [] });
  const known = await Promise.all(
    Object.entries(services).map(async ([key, service]) => {
      const found = await definitionsOfService(clients.ecs, service, undefined, undefined);
      return [`service/${key}`, { newest: null, ...found }] as const;
    }),
  );
  const definitions = Object.fromEntries(known);
  return { existing: { ...existing, ...liveDefinitions(stack, definitions) }, definitions, services };
}

/** Repositories of the stack's own registry that its images are built upon. */
async function basesOf(stack: Stack, root: string): Promise<readonly string[]> {
  const registry = registryOf(stack);
  const bases = Object.values(stack.images).map(async ({ building, platform }): Promise<readonly string[]> => {
    const beneath = building.kind === "layers" ? building.base : building;
    if (beneath.kind === "image") {
      const where = showPlace(building.kind === "layers" ? building.places.base : building.place);
      return repositoriesBeneath({ ...beneath, where }, registry);
    }
    const { dockerfile: file, target, arguments: given } = beneath;
    const text = await readFile(join(root, file), "utf8").catch((cause: unknown) => {
      throw unread(beneath, cause);
    });
    return repositoriesBeneath({ kind: "dockerfile", text, file, target, arguments: given, platform }, registry);
  });
  return (await Promise.all(bases)).flat();
}

function unread({ dockerfile, place }: Dockerfile, cause: unknown): UserError {
  const fix = "Check the path, which starts at the root of the checkout.";
  return new UserError({ what: `${dockerfile} cannot be read.`, where: place, fix }, { cause });
}
