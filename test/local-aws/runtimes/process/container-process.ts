import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import type { RuntimeTask } from "../../runtime.ts";
import { declaredOf } from "../tasks/declared.ts";
import { bedEnvironment, fargateEnvironment, type Surroundings as Around } from "../tasks/fargate-environment.ts";
import type { ImageConfig } from "../tasks/registry.ts";
import { type Substitution, substitute } from "./substitution.ts";

/** What is started for a container: all of it, nothing is inherited. */
export interface ContainerProcess {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** What the machine and the bed give to a task. */
export interface Surroundings extends Substitution, Around {
  /** Folder of the lent Python's programs. */
  readonly python: string;
  /** What stands for `/`. */
  readonly root: string;
  /** The container's own folder, writable and empty. */
  readonly home: string;
}

/** The machine's own programs: a shell, `env`, `sleep`. */
const machinePath = ["/usr/bin", "/bin"];

/**
 * Puts together what a container runs from its image, its definition, the task's overrides and what surrounds it.
 * @param secrets values by variable name. They are taken as they are.
 */
export function containerProcess(
  task: RuntimeTask,
  definition: ContainerDefinition,
  image: ImageConfig,
  secrets: Readonly<Record<string, string>>,
  surroundings: Surroundings,
): ContainerProcess {
  const { name = "", workingDirectory } = definition;
  const within = (text: string): string => substitute(text, surroundings);
  const declared = declaredOf(task, definition, image);
  const environment = Object.entries(declared.environment).map(([key, value]) => [key, within(value)] as const);
  return {
    command: declared.command.map(within),
    folder: folderOf(workingDirectory ?? (image.config.WorkingDir || "/"), surroundings),
    environment: {
      ...fargateEnvironment(task, surroundings.region),
      // A run's origin keeps the working directory of the code server that it was launched from. On AWS that is the
      // same path in every task; here it would be another task's folder, and the run would execute that task's code.
      DAGSTER_EMPTY_WORKING_DIRECTORY: "1",
      ...Object.fromEntries(environment),
      ...secrets,
      ...bedEnvironment(task.id, name, surroundings),
      ...machineEnvironment(surroundings),
      PATH: searchPath(declared.environment["PATH"] ?? "", surroundings),
    },
  };
}

/** What makes a process of this machine live in its folder; nobody may replace it. */
function machineEnvironment({ home }: Surroundings): Record<string, string> {
  return { HOME: home, TMPDIR: `${home}/tmp`, PYTHONUNBUFFERED: "1", PYTHONNOUSERSITE: "1" };
}

/** The image's folders, as far as the image has them; then the lent Python, then the machine's shell and its like. */
function searchPath(path: string, { locate, python }: Surroundings): string {
  const ofImage = path.split(":").flatMap((folder) => locate(folder) ?? []);
  return [...ofImage, python, ...machinePath].join(":");
}

function folderOf(path: string, { locate, root }: Surroundings): string {
  return locate(path) ?? `${root}${path}`;
}
