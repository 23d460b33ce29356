import type { Json, JsonMap } from "../../domain/json.ts";
import { packed } from "../../tasks/packed.ts";
import { loginVariables, probeProgram } from "./program.ts";

/** What a task that asks is like. */
export interface Like {
  /** A definition that the webserver runs, ACTIVE or not. */
  readonly content: JsonMap;
  /** Its container that runs the webserver, and is let in where that is. */
  readonly container: JsonMap;
}

/** What of the webserver's container it has: its image and how that is pulled, whose rights, which proxies, where its lines go. */
const kept = [
  "name",
  "image",
  "repositoryCredentials",
  "user",
  "environment",
  "environmentFiles",
  "logConfiguration",
] as const;

/**
 * The definition of the task that asks: the webserver's image and nothing else of it. No sidecar is started, no entry point stands
 * before the program, none of its secrets and no task role are there. It runs on Fargate, wherever the webserver does.
 * @param secret ARN of the secret with `username` and `password` for whoever stands in front of Dagster; null: nobody does
 */
export function askerDefinition(family: string, { content, container }: Like, secret: string | null): JsonMap {
  return {
    family,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    ...picked(content, ["executionRoleArn", "runtimePlatform"]),
    containerDefinitions: [
      {
        ...picked(container, kept),
        essential: true,
        entryPoint: ["python3", "-c", packed(probeProgram)],
        ...(secret === null ? {} : { secrets: loginFrom(secret) }),
      },
    ],
  };
}

function loginFrom(secret: string): readonly Json[] {
  return Object.entries(loginVariables).map(([key, name]) => ({ name, valueFrom: `${secret}:${key}::` }));
}

function picked(map: JsonMap, members: readonly string[]): JsonMap {
  return Object.fromEntries(members.flatMap((member) => (map[member] === undefined ? [] : [[member, map[member]]])));
}
