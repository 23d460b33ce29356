import type { Json, JsonMap } from "../../domain/json.ts";
import { packed } from "../../tasks/packed.ts";
import { headersVariable, headerVariable, loginVariables, probeProgram } from "./program.ts";

/** What a task that asks is like. */
export interface Like {
  /** A definition that the webserver runs, ACTIVE or not. */
  readonly content: JsonMap;
  /** Its container that runs the webserver, and is let in where that is. */
  readonly container: JsonMap;
}

/** What ECS gives it, so that it is let in. */
export type AskerLogin =
  /** ARN of the secret with `username` and `password`. */
  | { readonly kind: "basic"; readonly secret: string }
  /** `valueFrom` of each header, by its name. */
  | { readonly kind: "headers"; readonly headers: Readonly<Record<string, string>> };

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
 * @param login what whoever stands in front of Dagster wants; null: nobody does
 */
export function askerDefinition(family: string, { content, container }: Like, login: AskerLogin | null): JsonMap {
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
        ...(login === null ? {} : loginFrom(login, container["environment"] ?? [])),
      },
    ],
  };
}

function loginFrom(login: AskerLogin, environment: Json): JsonMap {
  switch (login.kind) {
    case "basic":
      return {
        secrets: Object.entries(loginVariables).map(([key, name]) => ({ name, valueFrom: `${login.secret}:${key}::` })),
      };
    case "headers": {
      const { headers } = login;
      const names = { name: headersVariable, value: JSON.stringify(Object.keys(headers)) };
      return {
        environment: [...(Array.isArray(environment) ? (environment as readonly Json[]) : []), names],
        secrets: Object.values(headers).map((valueFrom, index) => ({ name: headerVariable(index), valueFrom })),
      };
    }
  }
}

function picked(map: JsonMap, members: readonly string[]): JsonMap {
  return Object.fromEntries(members.flatMap((member) => (map[member] === undefined ? [] : [[member, map[member]]])));
}
