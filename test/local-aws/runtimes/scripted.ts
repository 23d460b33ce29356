import { createHash } from "node:crypto";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import type { BedClock } from "../clock.ts";
import type { Runtime, RuntimeObserver, RuntimeTask } from "../runtime.ts";
import type { Behaviour, NeverStarts, TaskBehaviour } from "./behaviour.ts";
import { playContainer, type PlayedContainer } from "./scripted-container.ts";

export type { Behaviour, LogLine, TaskBehaviour } from "./behaviour.ts";

/** Where container logs go, as the `awslogs` driver names them. */
export interface LogSink {
  write(line: LoggedLine): void;
}

export interface LoggedLine {
  readonly group: string;
  /** `prefix/container/task id` */
  readonly stream: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

export interface ScriptedRuntime extends Runtime {
  /**
   * Tasks that start from now on behave so; of several scripts that are meant the latest holds. Without one a container
   * is healthy.
   * @param key `family:revision`, a family, an image as the definition names it, or a function that knows the task.
   */
  script(key: ScriptKey, behaviour: Scripted): void;
  /** What a tag stands for; an image that names a digest needs no entry, any other gets a digest made from its name. */
  tag(image: string, digest: string): void;
  /** Pulls of this image fail from now on. */
  forgetImage(image: string): void;
  /** Tasks whose definition names this `valueFrom` cannot start from now on. */
  forgetSecret(valueFrom: string): void;
  /** Everything containers wrote, oldest first. */
  readonly lines: readonly LoggedLine[];
}

export type ScriptKey = string | ((task: RuntimeTask) => boolean);

/** What a task does, or what makes that of its overrides when it starts. */
export type Scripted = TaskBehaviour | ((task: RuntimeTask) => TaskBehaviour);

export interface ScriptedOptions {
  readonly clock: BedClock;
  readonly log?: LogSink;
}

/** Containers that follow a script instead of running anything. */
export function createScriptedRuntime({ clock, log }: ScriptedOptions): ScriptedRuntime {
  const scripts: Script[] = [];
  const digests = new Map<string, string>();
  const missingImages = new Set<string>();
  const missingSecrets = new Set<string>();
  const lines: LoggedLine[] = [];
  const played = new Map<string, PlayedTask>();
  let addresses = 0;

  const play = (task: RuntimeTask, observer: RuntimeObserver, definition: ContainerDefinition, behaviour: Behaviour) =>
    behaviour.kind === "never-starts"
      ? []
      : [
          playContainer({
            clock,
            definition,
            behaviour,
            observer,
            write: (text) => {
              const line = loggedLine(definition, task.id, clock.now(), text);
              if (line === null) return;
              lines.push(line);
              log?.write(line);
            },
          }),
        ];

  return {
    start: (task, observer) => {
      const scripted = scripts.findLast(({ key }) => isMeant(key, task))?.behaviour ?? { kind: "healthy" };
      const behaviour = typeof scripted === "function" ? scripted(task) : scripted;
      const containers = (task.definition.containerDefinitions ?? []).map((definition) => ({
        definition,
        behaviour: behaviourOf(behaviour, definition),
      }));
      const blocked =
        blockage(task, missingImages, missingSecrets) ??
        containers.map((container) => container.behaviour).find((one) => one.kind === "never-starts");
      if (blocked !== undefined) {
        const cancel = clock.after((blocked.afterSeconds ?? 5) * 1000, () => observer.failedToStart(blocked.reason));
        played.set(task.id, { containers: [], cancel });
        return;
      }
      addresses += 1;
      const address = `10.0.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`;
      const cancel = clock.after(0, () => {
        observer.address(address);
        for (const { definition } of containers) observer.pulled(definition.name ?? "", digestOf(definition, digests));
      });
      played.set(task.id, {
        containers: containers.flatMap((container) => play(task, observer, container.definition, container.behaviour)),
        cancel,
      });
    },
    stop: (taskId) => {
      const task = played.get(taskId);
      task?.cancel();
      for (const container of task?.containers ?? []) container.stop();
    },
    checkTarget: (taskId) => {
      const [first, ...others] = played.get(taskId)?.containers.map((container) => container.check()) ?? [];
      if (first === undefined) return Promise.resolve({ healthy: false, reason: "Request timed out" });
      return Promise.resolve([first, ...others].find(({ healthy }) => !healthy) ?? first);
    },
    close: () => {
      for (const { containers, cancel } of played.values()) {
        cancel();
        for (const container of containers) container.end();
      }
      played.clear();
      return Promise.resolve();
    },
    script: (key, behaviour) => void scripts.push({ key, behaviour }),
    tag: (image, digest) => void digests.set(image, digest),
    forgetImage: (image) => void missingImages.add(image),
    forgetSecret: (valueFrom) => void missingSecrets.add(valueFrom),
    lines,
  };
}

interface Script {
  readonly key: ScriptKey;
  readonly behaviour: Scripted;
}

interface PlayedTask {
  readonly containers: readonly PlayedContainer[];
  readonly cancel: () => void;
}

function isMeant(key: ScriptKey, task: RuntimeTask): boolean {
  if (typeof key === "function") return key(task);
  const { family = "", revision = 0, containerDefinitions = [] } = task.definition;
  return key === family || key === `${family}:${revision}` || containerDefinitions.some(({ image }) => image === key);
}

function behaviourOf(behaviour: TaskBehaviour, { name = "" }: ContainerDefinition): Behaviour {
  return "kind" in behaviour ? behaviour : (behaviour.containers[name] ?? { kind: "healthy" });
}

/** What keeps a task from starting, as ECS words it: stopped-task-error-codes.html in the developer guide. */
function blockage(
  task: RuntimeTask,
  missingImages: ReadonlySet<string>,
  missingSecrets: ReadonlySet<string>,
): NeverStarts | undefined {
  const containers = task.definition.containerDefinitions ?? [];
  const secrets = containers.flatMap((container) => container.secrets ?? []);
  const secret = secrets.find(({ valueFrom = "" }) => missingSecrets.has(valueFrom));
  if (secret !== undefined) {
    const failed =
      "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret";
    const why = "ResourceNotFoundException: Secrets Manager can't find the specified secret.";
    const name = secret.valueFrom ?? "";
    return {
      kind: "never-starts",
      reason: `ResourceInitializationError: ${failed} ${name} from secrets manager: ${why}`,
    };
  }
  const missing = containers.find(({ image = "" }) => missingImages.has(image));
  if (missing === undefined) return undefined;
  const retried = "pull image manifest has been retried 1 time(s): failed to resolve ref";
  return {
    kind: "never-starts",
    reason: `CannotPullContainerError: ${retried} ${missing.image ?? ""}: not found`,
    afterSeconds: 120,
  };
}

function digestOf({ image = "" }: ContainerDefinition, digests: ReadonlyMap<string, string>): string {
  const [, named] = image.split("@");
  return named ?? digests.get(image) ?? `sha256:${createHash("sha256").update(image).digest("hex")}`;
}

function loggedLine(definition: ContainerDefinition, taskId: string, at: number, text: string): LoggedLine | null {
  const { logDriver, options = {} } = definition.logConfiguration ?? {};
  const group = options["awslogs-group"];
  if (logDriver !== "awslogs" || group === undefined) return null;
  const stream = [options["awslogs-stream-prefix"], definition.name, taskId].filter(Boolean).join("/");
  return { group, stream, at, text };
}
