import { type Home, partitionOf } from "../../aws/arn.ts";
import { type Contract, networkSchema } from "../../domain/contract.ts";
import type { Finding } from "../../domain/finding.ts";
import type { LaterJson } from "../../domain/later.ts";
import { imagesOf, type Release } from "../../domain/release.ts";
import type { ImageClients } from "../../images/index.ts";
import type { Stack } from "../../stack/stack.ts";
import type { Clients } from "../connections.ts";
import { describedDefinitions } from "../definition-checks.ts";
import type { Observation } from "../observation.ts";
import { judgeNeeds } from "./judge.ts";
import { lookAtNeeds } from "./look.ts";
import { type Needed, needsOfDefinition, needsOfLauncher, needsOfWebserver, type VerifiedDefinition } from "./needs.ts";

/** Whether AWS is asked for what tasks need; with `secret-keys`, values of secrets are read for their keys. */
export type Verifying = "false" | "true" | "secret-keys";

/** Verifies, if that is wanted, the first time that it is called; later plans of the same release say what was found then. */
export type Verification = (
  ask: (verifying: Exclude<Verifying, "false">) => Promise<readonly Finding[]>,
) => Promise<readonly Finding[]>;

export function verifyOnce(verifying: Verifying): Verification {
  let found: Promise<readonly Finding[]> | null = null;
  return (ask) => (verifying === "false" ? Promise.resolve([]) : (found ??= ask(verifying)));
}

/**
 * Asks AWS whether all that the tasks of a release need is there: reads, and changes nothing.
 * @param contents of its definitions, by definition
 */
export async function verify(
  clients: Clients,
  images: Pick<ImageClients, "registry">,
  stack: Stack,
  observation: Observation,
  { contents, target }: { readonly contents: Readonly<Record<string, LaterJson>>; readonly target: Release },
  verifying: Exclude<Verifying, "false">,
): Promise<readonly Finding[]> {
  const home = { partition: partitionOf(stack.region), region: stack.region, account: stack.account };
  const needed = needsOf(stack, observation, contents, target, home);
  const needs = needed.map(({ need }) => need);
  return judgeNeeds(needed, await lookAtNeeds(clients, images, home, needs, verifying === "secret-keys"));
}

function needsOf(
  stack: Stack,
  observation: Observation,
  contents: Readonly<Record<string, LaterJson>>,
  target: Release,
  home: Home,
): readonly Needed[] {
  const made = new Set<string>(Object.values(imagesOf(target)).map(({ digest }) => digest));
  const definitions = describedDefinitions(stack, observation, contents).map(
    ({ placeOf, ...described }): VerifiedDefinition => ({ ...described, placeOf: (path) => placeOf({ id: "", path }) }),
  );
  const runs = definitions.flatMap(({ definition, content }) => {
    const { family } = content;
    return definition.startsWith("run/") && typeof family === "string" ? [{ family, content }] : [];
  });
  // Runs from the queue are the daemon's to start.
  const launchers = definitions.filter(({ definition }) =>
    Object.values(stack.services).some(({ key, kind }) => kind === "daemon" && definition === `service/${key}`),
  );
  return [
    ...definitions.flatMap((definition) => needsOfDefinition(definition, home, made)),
    ...launchers.flatMap((launcher) =>
      runs.flatMap((run) => needsOfLauncher(launcher, run, home, stack.contract.cluster)),
    ),
    // A login that gates are given stands before the webserver already.
    ...(stack.gates.auth !== null
      ? []
      : definitions.flatMap((definition) => needsOfWebserver(definition, targetsOf(definition, stack, observation)))),
    ...Object.values(stack.services).flatMap(({ key, place }): readonly Needed[] => {
      const service = observation.services[key] ?? null;
      const by = `service/${key}`;
      return [
        ...(service?.targetGroups ?? []).map((arn) => ({
          need: { kind: "target-group", arn } as const,
          by,
          where: place,
        })),
        ...subnets(service?.network?.subnets ?? [], by, place),
      ];
    }),
    ...subnets(contractSubnets(stack.contract), "contract", "contract"),
  ];
}

/** Where load balancers of a webserver send to; of other services nothing. */
function targetsOf(
  { definition }: VerifiedDefinition,
  { services }: Stack,
  observation: Observation,
): Parameters<typeof needsOfWebserver>[1] {
  const service = Object.values(services).find(
    ({ key, kind }) => kind === "webserver" && definition === `service/${key}`,
  );
  return (service === undefined ? undefined : observation.services[service.key])?.balanced ?? [];
}

function subnets(ids: readonly string[], by: string, where: Finding["where"]): readonly Needed[] {
  return ids.map((id) => ({ need: { kind: "subnet", id }, by, where }));
}

/** Of tasks that are no service's, as far as it names them. */
function contractSubnets({ network }: Contract): readonly string[] {
  const parsed = networkSchema.parse(network);
  return "subnets" in parsed && Array.isArray(parsed.subnets) ? parsed.subnets : [];
}
