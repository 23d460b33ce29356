import type { Home } from "../../aws/arn.ts";
import { batches } from "../../aws/batches.ts";
import { isAwsError } from "../../aws/error.ts";
import { type Advice, UserError } from "../../domain/errors.ts";
import { type ImageClients, platformsIn } from "../../images/index.ts";
import type { Clients } from "../connections.ts";
import {
  type Decision,
  type Facts,
  imageKey,
  type RoleFacts,
  type SecretFacts,
  type TargetGroupFacts,
} from "./facts.ts";
import { type Kind, keyOf, type Need, type Right } from "./needs.ts";
import { openWaysTo } from "./open-ways.ts";
import {
  hasLogGroup,
  notThere,
  parametersAmong,
  roleNamed,
  secretAt,
  simulated,
  subnetsAmong,
  targetGroupsAmong,
} from "./reads.ts";

/**
 * Asks AWS for needs, all at once, and each thing once. What cannot be looked at, for want of a right mostly, is told as such; nothing
 * here throws for it.
 * @param readsKeys values of secrets are read, of those of which a key is needed, for the names of their keys
 */
export async function lookAtNeeds(
  clients: Clients,
  images: Pick<ImageClients, "registry">,
  home: Home,
  all: readonly Need[],
  readsKeys: boolean,
): Promise<Facts> {
  const needs = [...new Map(all.map((need) => [keyOf(need), need])).values()];
  const of = <K extends Need["kind"]>(kind: K): readonly Kind<K>[] =>
    needs.filter((need): need is Kind<K> => need.kind === kind);
  const unlooked = new Map<string, Pick<Advice, "what" | "fix">>();
  /** Looks at something that these needs are about. */
  const look = async (about: readonly Need[], ask: () => Promise<void>): Promise<void> => {
    if (about.length === 0) return;
    try {
      await ask();
    } catch (error) {
      if (!(error instanceof UserError) || isAwsError(error, "expired")) throw error;
      for (const need of about) unlooked.set(keyOf(need), { what: error.what, fix: error.fix });
    }
  };
  const parameters = new Set<string>();
  const secrets = new Map<string, SecretFacts>();
  const roles = new Map<string, RoleFacts>();
  const rights = new Map<string, Decision>();
  const logGroups = new Set<string>();
  const platforms = new Map<string, readonly string[]>();
  const targetGroups = new Map<string, TargetGroupFacts>();
  const openWays = new Map<string, readonly string[]>();
  const subnets = new Map<string, number>();
  const secretsSeen = Promise.all(
    grouped(of("secret"), ({ arn }) => arn).map(([arn, batch]) =>
      look(batch, async () => {
        const keyed = readsKeys && batch.some(({ key }) => key !== null);
        const facts = await secretAt(clients, arn, keyed);
        if (facts !== null) secrets.set(arn, facts);
      }),
    ),
  );
  await Promise.all([
    secretsSeen,
    ...batches(of("parameter"), mostParameters).map((batch) =>
      look(batch, async () => addAll(parameters, await parametersAmong(clients, batch))),
    ),
    ...of("role").map((need) =>
      look([need], async () => {
        const facts = await roleNamed(clients, need.name);
        if (facts !== null) roles.set(need.name, facts);
      }),
    ),
    ...grouped(of("right"), simulation).map(([, batch]) =>
      look(batch, async () => {
        await secretsSeen;
        // Of a secret that is not there, or not seen, that is told.
        const about = batch.filter(({ action, resource }) => !ofSecret(action) || secrets.has(resource));
        const arns = new Map([...secrets].map(([named, { arn }]) => [named, arn]));
        for (const [key, decision] of await simulated(clients, home, about, arns)) rights.set(key, decision);
      }),
    ),
    ...of("log-group").map((need) =>
      look([need], async () => {
        if (await hasLogGroup(clients, need.name)) logGroups.add(need.name);
      }),
    ),
    ...grouped(of("image"), imageKey).map(([key, batch]) =>
      look(batch, async () => {
        const [image] = batch;
        const found = image === undefined ? null : await platformsIn(images, image.repository, image.reference);
        if (found !== null) platforms.set(key, found);
      }),
    ),
    ...batches(of("target-group"), mostTargetGroups).map((batch) =>
      look(batch, async () => {
        for (const [arn, facts] of await targetGroupsAmong(clients, batch)) targetGroups.set(arn, facts);
      }),
    ),
    ...of("login").map((need) =>
      look([need], async () => {
        // Of a target group that is not there its own need tells.
        const ways = await openWaysTo(clients, need.arn).catch(notThere);
        openWays.set(need.arn, ways ?? []);
      }),
    ),
    ...batches(of("subnet"), mostSubnets).map((batch) =>
      look(batch, async () => {
        for (const [id, free] of await subnetsAmong(clients, batch)) subnets.set(id, free);
      }),
    ),
  ]);
  return {
    parameters,
    secrets,
    roles,
    rights,
    logGroups,
    images: platforms,
    targetGroups,
    openWays,
    subnets,
    unlooked,
  };
}

/** Source: API_ParameterStringFilter in the SSM API reference: 50 values. A parameter may have one of two names. */
const mostParameters = 25;
/** Source: API_DescribeTargetGroups in the Elastic Load Balancing API reference. */
const mostTargetGroups = 20;
/** Source: API_DescribeSubnets in the EC2 API reference: 200 values of a filter. */
const mostSubnets = 200;

/** Actions that go together: of each with each resource is asked. */
function simulation({ role, action, context }: Right): string {
  return `${role} ${action.split(":")[0] ?? ""} ${action === "ecr:GetAuthorizationToken" ? action : ""} ${Object.keys(context).join(" ")}`;
}

function ofSecret(action: string): boolean {
  return action.startsWith("secretsmanager:");
}

function addAll<T>(to: Set<T>, values: Iterable<T>): void {
  for (const value of values) to.add(value);
}

function grouped<T>(all: readonly T[], keyOfOne: (one: T) => string): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOfOne(one), [...(groups.get(keyOfOne(one)) ?? []), one]);
  return [...groups];
}
