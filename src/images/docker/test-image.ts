import { join } from "node:path";
import type { Context } from "../../domain/context.ts";
import { RolloutFailed, UserError } from "../../domain/errors.ts";
import { untrusted } from "../../domain/evidence.ts";
import { type Digest, instant } from "../../domain/identifiers.ts";
import { ask, ownDockerConfig, ProgramFailed, run } from "../../programs/index.ts";
import type { ImageClients } from "../clients.ts";
import { inScratch } from "../scratch.ts";
import { logIn } from "./log-in.ts";

/** Somebody's own tests, in an image of the registry. */
export interface ImageTest {
  /** Key of the image. */
  readonly image: string;
  readonly repository: string;
  readonly digest: Digest;
  readonly platform: string;
  /** For `sh -e`, in the image's own folder. */
  readonly command: string;
  /** The checkout, which can be read in there. */
  readonly root: string;
}

/** Where the checkout is in the container. */
const checkout = "/checkout";

/** Before anything is made. @throws UserError when this job has no engine to run a container with */
export async function checkEngine(root: string): Promise<void> {
  const { exitCode, errors } = await ask("docker", ["version", "--format", "{{.Server.Version}}"], root).catch(
    (error: unknown) => {
      if (error instanceof UserError) return { exitCode: 127, errors: error.what };
      throw error;
    },
  );
  if (exitCode === 0) return;
  const last = errors.trim().split("\n").at(-1) ?? "";
  throw new UserError({
    what: `\`test-command\` runs in a container, and this job has no Docker engine: ${untrusted(last).untrusted}`,
    where: "input test-command",
    fix: "Run the job where one is: GitHub's own Linux runners have it. Or leave the input empty, and test in a job of your own.",
  });
}

/**
 * Runs a command in a container of the very image that is to be released. It gets nothing of this job: no variables, no credentials; the
 * checkout stands in it to be read.
 * @throws RolloutFailed with its last lines when it ends with another exit code than 0
 */
export async function testImage(clients: ImageClients, context: Context, test: ImageTest): Promise<void> {
  const { image, repository, digest, platform, command, root } = test;
  context.report({ kind: "stage", title: `Tests in image ${image}` });
  await inScratch(clients.scratch, async (folder) => {
    const host = new URL(clients.registry.endpoint).host;
    const environment = await ownDockerConfig(join(folder, "config"), [host]);
    await logIn(clients, context, host, environment);
    const mount = `type=bind,source=${root},target=${checkout},readonly`;
    const args = ["run", "--rm", "--init", "--platform", platform, "--mount", mount, "--entrypoint", "sh"];
    const reference = `${host}/${repository}@${digest}`;
    const said: string[] = [];
    const heard: Context = {
      ...context,
      report: (progress) => {
        if (progress.kind === "foreign") said.push(progress.text.untrusted);
        said.splice(0, said.length - keptLines);
        context.report(progress);
      },
    };
    try {
      await run(heard, {
        command: "docker",
        args: [...args, reference, "-ec", command],
        cwd: root,
        environment,
        output: "report",
      });
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      throw testFailed(test, error, said, context.clock.now());
    }
  });
}

/** Last lines of both streams that the error shows. */
const keptLines = 20;
/** `docker run` itself failed; what it was to run did not. Source: docs.docker.com, "docker container run", exit status. */
const ofDocker = 125;

function testFailed(
  { image, platform }: ImageTest,
  { exitCode }: ProgramFailed,
  said: readonly string[],
  now: number,
): RolloutFailed {
  const text = said.join("\n").trimEnd();
  const ended = exitCode === null ? "was ended by a signal" : `ended with exit code ${exitCode}`;
  const what = /exec format error/.test(text)
    ? `Image ${image} cannot be tested here: this machine does not run ${platform}. Let the job run on one that does, or put docker/setup-qemu-action before this step.`
    : exitCode === ofDocker
      ? `Image ${image} cannot be tested: docker could not run it.`
      : `The tests in image ${image} are red: \`test-command\` ${ended}. Nothing is released; mend what its lines say, and push again.`;
  const evidence = {
    kind: "log",
    at: instant(now),
    subject: `tests in image ${image}`,
    text: untrusted(text),
  } as const;
  return new RolloutFailed(what, [], { evidence: [evidence] });
}
