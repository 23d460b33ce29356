import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../../src/domain/errors.ts";
import type { Engine } from "../../../engine.ts";
import { registryPassword } from "../../gateway/callers.ts";
import { declaredOf } from "../tasks/declared.ts";
import { atAddress } from "../tasks/every-address.ts";
import { bedEnvironment, fargateEnvironment, type Surroundings } from "../tasks/fargate-environment.ts";
import { parseImageReference } from "../tasks/image-reference.ts";
import { followLines } from "../tasks/lines.ts";
import type { ContainerMaker, Exit, MadeContainer, MakeRequest, StartedContainer } from "../tasks/maker.ts";
import { cannotStart } from "../tasks/prepare.ts";
import { CannotPull, type ImageConfig, readImage } from "../tasks/registry.ts";
import { machinePlatform, mountsOf, platformOf } from "../tasks/task-plan.ts";
import { createArguments } from "./create-arguments.ts";

export interface DockerMakerOptions extends Surroundings {
  readonly engine: Engine;
  /** For what `docker` keeps of a role: its password. */
  readonly folder: string;
  /** Folder of the file systems that tasks share. */
  readonly fileSystems: string;
}

/** Containers of an engine: README.md beside this file says what they are, and what they are not. */
export function createDockerMaker(options: DockerMakerOptions): ContainerMaker {
  const registry = new URL(options.gateway);
  return {
    pull: async ({ image, platform, role }) => {
      const reference = parseImageReference(image);
      if (reference === null) throw new CannotPull(`${image} is in no registry of this bed`);
      const { repository } = reference;
      try {
        // What is wrong with an image is told in the words of ECS, which are not the engine's.
        const { digest, config } = await readImage(
          { registry: options.gateway, name: repository, role },
          reference,
          platform,
        );
        const local = `${registry.host}/${repository}@${digest}`;
        const settings = await settingsOf(options.folder, registry.host, role);
        await options.engine.docker("--config", settings, "pull", "--quiet", `--platform=${platform}`, local);
        return { digest, make: (request) => makeContainer(options, { local, config }, request) };
      } catch (error) {
        throw error instanceof CannotPull ? error : new CannotPull(messageOf(error), { cause: error });
      }
    },
  };
}

/** @returns a folder of settings for `docker`, by which the registry knows the role */
async function settingsOf(folder: string, host: string, role: string): Promise<string> {
  const own = join(folder, role);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const auth = Buffer.from(`AWS:${registryPassword(role)}`).toString("base64");
  await writeFile(join(own, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
  return own;
}

interface PulledImage {
  /** As the engine knows it. */
  readonly local: string;
  readonly config: ImageConfig;
}

async function makeContainer(
  options: DockerMakerOptions,
  { local, config }: PulledImage,
  { task, definition, secrets, address }: MakeRequest,
): Promise<MadeContainer> {
  const platform = platformOf(task.definition);
  if (platform !== machinePlatform()) {
    const why = `local-aws runs containers on this machine, which is ${machinePlatform()}, and cannot run ${platform}.`;
    throw new Error(`CannotStartContainerError: ${why}`);
  }
  const declared = declaredOf(task, definition, config);
  if (declared.command.length === 0) throw cannotStart("no command specified");
  const within = (text: string): string => atAddress(text, address);
  const environment = {
    ...fargateEnvironment(task, options.region),
    ...Object.fromEntries(Object.entries(declared.environment).map(([name, value]) => [name, within(value)])),
    ...secrets,
    ...bedEnvironment(task.id, definition.name ?? "", options),
    ...options.engine.mark,
  };
  const folders: Record<string, string> = {};
  for (const { fileSystemId, path } of mountsOf(task.definition, definition, task.id)) {
    const folder = join(options.fileSystems, fileSystemId);
    await mkdir(folder, { recursive: true });
    folders[path] = folder;
  }
  const args = createArguments(task.definition, definition, {
    image: local,
    command: declared.command.map(within),
    variables: Object.keys(environment),
    folders,
  });
  const signal = config.config.StopSignal || "SIGTERM";
  return { start: (onLine) => startContainer(options.engine, { args, environment, signal }, onLine) };
}

interface Creation {
  readonly args: readonly string[];
  /** Of `docker create`, from which the container takes the variables that it is to have. */
  readonly environment: Readonly<Record<string, string>>;
  /** The signal that asks it to stop. */
  readonly signal: string;
}

function startContainer(engine: Engine, creation: Creation, onLine: (line: string) => void): StartedContainer {
  const exited = Promise.withResolvers<Exit>();
  const written = Promise.withResolvers<undefined>();
  const container = createAndStart(engine, creation);
  const follow = async (id: string): Promise<void> => {
    const log = engine.start(["logs", "--follow", id]);
    followLines(log, onLine);
    const closed = once(log, "close");
    const code = Number(await engine.docker("wait", id));
    const isOutOfMemory = (await engine.docker("inspect", "--format={{.State.OOMKilled}}", id)) === "true";
    exited.resolve({ code, ...(isOutOfMemory ? { reason: outOfMemory } : {}) });
    await closed;
    written.resolve(undefined);
    await engine.docker("rm", "--volumes", id);
  };
  void container.then(follow).catch(() => {
    // It did not start, which is told below; or the engine is being closed, and with it all that runs there.
    written.resolve(undefined);
  });
  /** To a container that is gone already, or never was, nothing has to be said. */
  const send = (signal: string): void =>
    void container.then((id) => engine.docker("kill", `--signal=${signal}`, id)).catch(() => undefined);
  return {
    started: container.then(() => undefined),
    exited: exited.promise,
    written: written.promise,
    terminate: () => send(creation.signal),
    kill: () => send("SIGKILL"),
    passes: async (command, timeoutMilliseconds) => {
      const check = engine.start(["exec", await container, ...command]);
      check.stdout?.resume();
      check.stderr?.resume();
      const tooLong = setTimeout(() => check.kill("SIGKILL"), timeoutMilliseconds);
      const [code] = (await once(check, "exit")) as [number | null];
      clearTimeout(tooLong);
      return code === 0;
    },
  };
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
const outOfMemory = "OutOfMemoryError: Container killed due to memory usage";

/** @returns id of the container @throws Error in the words of ECS, and nothing is left */
async function createAndStart(engine: Engine, { args, environment }: Creation): Promise<string> {
  const id = await engine.command(args, environment).catch((cause: unknown) => {
    throw refusal(cause);
  });
  try {
    await engine.docker("start", id);
    return id;
  } catch (cause) {
    await engine.docker("rm", "--volumes", id);
    throw refusal(cause);
  }
}

/** What the engine says, as ECS hands it on. */
function refusal(cause: unknown): Error {
  const said = messageOf(cause);
  const [, ofProcess] = /unable to start container process: (.*?)(?:: unknown)?$/m.exec(said) ?? [];
  if (ofProcess !== undefined) return cannotStart(ofProcess);
  const [, ofEngine = said] = /Error response from daemon: (.*)$/m.exec(said) ?? [];
  return new Error(`CannotStartContainerError: ResourceInitializationError: ${ofEngine}`, { cause });
}
