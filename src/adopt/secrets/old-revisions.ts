import { ListTaskDefinitionsCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../aws/ecs.ts";
import { UserError } from "../../domain/errors.ts";
import { parseRevision, type Revision, sameRevision, showRevision } from "../../domain/verdict.ts";
import { definitionOf } from "../../task-definitions/observe.ts";
import { mapsIn } from "../kind.ts";
import { observeDagster, type Wanted } from "../observe.ts";

/** A revision in which variables stand in plain text. Whoever may describe task definitions reads their values, also once it is inactive. */
export interface Holder {
  readonly revision: string;
  readonly status: "ACTIVE" | "INACTIVE";
  /** ECS services that run it. */
  readonly services: readonly string[];
  readonly containers: readonly { readonly container: string; readonly names: readonly string[] }[];
}

/** Revisions that were looked for. */
export interface Holders {
  /** Newest first in each family. */
  readonly found: readonly Holder[];
  /** Execution roles of the services, by their ARNs: they are to read the store. */
  readonly executionRoles: readonly string[];
  /** Why nobody looked; null: somebody did. */
  readonly notLooked: string | null;
}

/**
 * Looks through every revision of the families that the services of a Dagster run. Values are not compared: an old one is a secret, too.
 * @param names of variables
 * @throws AwsError
 */
export async function observeHolders(ecs: EcsSend, wanted: Wanted, names: readonly string[]): Promise<Holders> {
  let running: Awaited<ReturnType<typeof observeDagster>>;
  try {
    running = await observeDagster(ecs, wanted);
  } catch (error) {
    if (!(error instanceof UserError) || error.name === "AwsError") throw error;
    return { found: [], executionRoles: [], notLooked: error.what };
  }
  const found: Holder[] = [];
  for (const family of new Set(running.services.map(({ definition }) => definition.revision.family))) {
    for (const revision of await revisionsOf(ecs, family)) {
      const definition = await definitionOf(ecs, revision);
      const containers = mapsIn(definition?.content["containerDefinitions"]).flatMap(({ name, environment }) => {
        const held = mapsIn(environment).flatMap((one) =>
          typeof one["name"] === "string" && names.includes(one["name"]) && one["value"] !== "" ? [one["name"]] : [],
        );
        return held.length === 0 || typeof name !== "string" ? [] : [{ container: name, names: held.toSorted() }];
      });
      if (containers.length === 0) continue;
      const services = running.services.filter((one) => sameRevision(one.definition.revision, revision));
      found.push({
        revision: showRevision(revision),
        status: definition?.active === true ? "ACTIVE" : "INACTIVE",
        services: services.map(({ service }) => service.name),
        containers,
      });
    }
  }
  const roles = running.services.flatMap(({ definition: { content } }) =>
    typeof content["executionRoleArn"] === "string" ? [content["executionRoleArn"]] : [],
  );
  return { found, executionRoles: [...new Set(roles)].toSorted(), notLooked: null };
}

/** All that can be read, newest first. */
async function revisionsOf(ecs: EcsSend, familyPrefix: string): Promise<readonly Revision[]> {
  const found: Revision[] = [];
  for (const status of ["ACTIVE", "INACTIVE"] as const) {
    let nextToken: string | undefined;
    do {
      const page = await ecs(new ListTaskDefinitionsCommand({ familyPrefix, status, nextToken }), {
        resource: `task definition family ${familyPrefix}`,
      });
      const revisions = (page.taskDefinitionArns ?? []).flatMap((arn) => parseRevision(arn) ?? []);
      found.push(...revisions.filter(({ family }) => family === familyPrefix));
      ({ nextToken } = page);
    } while (nextToken !== undefined);
  }
  return found.toSorted((a, b) => b.revision - a.revision);
}
