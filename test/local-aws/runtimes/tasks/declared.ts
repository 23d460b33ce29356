import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { environmentOf, overrideOf, type RuntimeTask } from "../../runtime.ts";
import type { ImageConfig } from "./registry.ts";

/** What image, definition and overrides say of a container together. */
export interface Declared {
  /** Entry point and command. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export function declaredOf(
  task: RuntimeTask,
  { name = "", entryPoint, command }: ContainerDefinition,
  { config }: ImageConfig,
): Declared {
  // As docker has it: an entry point of one's own also replaces the image's command.
  const imageCommand = entryPoint === undefined ? (config.Cmd ?? []) : [];
  return {
    command: [
      ...(entryPoint ?? config.Entrypoint ?? []),
      ...(overrideOf(task, name)?.command ?? command ?? imageCommand),
    ],
    environment: { ...Object.fromEntries((config.Env ?? []).map(splitVariable)), ...environmentOf(task, name) },
  };
}

function splitVariable(variable: string): readonly [string, string] {
  const at = variable.indexOf("=");
  return [variable.slice(0, at), variable.slice(at + 1)];
}
