import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import * as z from "zod";
import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import { untrusted } from "../../domain/evidence.ts";
import type { Finding } from "../../domain/finding.ts";
import { type Digest, digestSchema } from "../../domain/identifiers.ts";
import { ask, ownDockerConfig, ProgramFailed, run, variableOfJob } from "../../programs/index.ts";
import { siblingAccount } from "../access.ts";
import type { ImageClients } from "../clients.ts";
import { adviseOnPush } from "../refusal.ts";
import { inScratch } from "../scratch.ts";
import { again, type Build, buildxArguments } from "./buildx-arguments.ts";
import { recordDockerInputs } from "./compare.ts";
import { isNotLetIn, isOfPush, lastError, warningFindings, warningsSchema } from "./explain.ts";
import type { DockerInputs } from "./inputs.ts";
import type { BuildSecret, DockerRequest } from "./request.ts";
import type { BuildContext } from "./context.ts";
import { logIn } from "./log-in.ts";

/** What buildx has pushed, under no tag yet. */
export interface Built {
  readonly digest: Digest;
  /** What BuildKit has to say of the Dockerfile. */
  readonly findings: readonly Finding[];
}

/** The label of the image's config that tells what it was made of. */
export const dockerInputsLabel = "dagster-ecs.build";

/**
 * Builds an image and pushes it by its digest. The password of the registry goes to `docker login` on its standard input, and lies in a
 * folder that is gone afterwards. What this registry refuses is tried once more with a new login: the password may have expired meanwhile.
 * @throws UserError without a docker, buildx or builder that can do it, for secrets that nobody gives, and for a build that fails
 */
export async function build(
  clients: ImageClients,
  context: Context,
  what: { readonly request: DockerRequest; readonly inputs: DockerInputs; readonly sources: BuildContext },
): Promise<Built> {
  const { request, inputs, sources } = what;
  await checkBuilder(request);
  await hideSecrets(context, request.secrets, request.root);
  return inScratch(clients.scratch, async (folder) => {
    const host = new URL(clients.registry.endpoint).host;
    const hosts = [host, ...siblingsOf(clients.registry.endpoint, Object.keys(inputs.images))];
    const environment = { ...(await ownDockerConfig(join(folder, "config"), hosts)), ...settings };
    const logInAll = async (): Promise<void> => {
      for (const one of hosts) await logIn(clients, context, one, environment);
    };
    await logInAll();
    const dockerfile = await copyDockerfile(folder, sources);
    const metadata = join(folder, "metadata.json");
    const build: Build = {
      builder: request.builder,
      platform: request.platform,
      dockerfile,
      context: sources.folder,
      target: request.target,
      arguments: request.arguments,
      secrets: absolute(request.secrets, request.root),
      images: known(inputs.images),
      labels: { [dockerInputsLabel]: recordDockerInputs(inputs) },
      destination: `${host}/${request.repository}`,
      cacheTag: request.cache?.tag ?? null,
      cacheFrom: request.cacheFrom,
      cacheTo: request.cacheTo,
      noCache: request.noCache,
      provenance: request.provenance,
      metadata,
    };
    const buildOnce = (once: Build): Promise<unknown> =>
      run(context, {
        command: "docker",
        args: buildxArguments(once),
        cwd: request.root,
        environment,
        output: "report",
      });
    try {
      await buildOnce(build).catch(async (error: unknown) => {
        if (!isRefused(error, host)) throw error;
        context.report({ kind: "line", text: `${host} refuses the builder: once more, with a new login` });
        await logInAll();
        await buildOnce(again(build, error.errors.untrusted));
      });
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      const isOfRight = isRefused(error, host) && isOfPush(error.errors.untrusted);
      throw buildFailed(error, request, isOfRight ? adviseOnPush(host, request.repository) : seeLog);
    }
    return readMetadata(metadata, request);
  });
}

/** Registries of other accounts that images of the Dockerfile are in, as far as the role's own token opens them. */
export function siblingsOf(endpoint: string, references: readonly string[]): readonly string[] {
  const hosts = references.map((reference) => reference.split("/", 1)[0] ?? "");
  return [...new Set(hosts)].filter((host) => siblingAccount(endpoint, host) !== null);
}

function isRefused(error: unknown, host: string): error is ProgramFailed {
  return error instanceof ProgramFailed && isNotLetIn(error.errors.untrusted, host);
}

/** Warnings of the Dockerfile are written to the metadata; nothing is attached to an image but what was asked for. */
const settings = {
  BUILDX_METADATA_WARNINGS: "1",
  BUILDX_METADATA_PROVENANCE: "disabled",
  BUILDX_NO_DEFAULT_ATTESTATIONS: "1",
};

/**
 * The engine's own builder can only push tags, unless it keeps its images in containerd.
 * @see https://docs.docker.com/build/builders/drivers/
 * @throws UserError for what this job lacks
 */
export async function checkBuilder({ root, builder }: DockerRequest): Promise<void> {
  const asked = await ask("docker", ["buildx", "version"], root).catch((cause: unknown) => {
    throw new UserError(
      {
        what: "This runner has no docker, and the image is built from a Dockerfile.",
        where: "docker",
        fix: withBuildx,
      },
      { cause },
    );
  });
  if (asked.exitCode !== 0) {
    throw new UserError({
      what: "The docker of this runner has no buildx.",
      where: "docker buildx version",
      fix: withBuildx,
    });
  }
  const args = ["buildx", "inspect", ...(builder === null ? [] : [builder])];
  const { exitCode, output, errors } = await ask("docker", args, root);
  const where = `docker ${args.join(" ")}`;
  const broken = exitCode === 0 ? /^Error:\s+(.*)$/m.exec(output)?.[1] : (lastError(errors) ?? `exit code ${exitCode}`);
  if (broken !== undefined) {
    const what = `No builder answers: ${untrusted(broken).untrusted}.`;
    throw new UserError({
      what,
      where,
      fix: `Start the Docker engine of this runner, or ${withBuildx.replace(/^P/, "p")}`,
    });
  }
  if (/^Driver:\s+docker$/m.test(output) && !(await hasContainerd(root))) {
    throw new UserError({
      what: "The builder of this job is the engine's own, which pushes an image by its tag only: it would be released before it is known to be good.",
      where,
      fix: withBuildx,
    });
  }
}

const withBuildx =
  "Put docker/setup-buildx-action before this step: it brings buildx and a builder. Python code needs neither as an image of `layers:`.";

async function hasContainerd(root: string): Promise<boolean> {
  const { output } = await ask("docker", ["info", "--format", "{{json .DriverStatus}}"], root);
  return output.includes("io.containerd.snapshotter");
}

/** A copy, so that what is built is what was hashed, and so that its ignore file can stand beside it. */
async function copyDockerfile(folder: string, { dockerfile, ignore }: BuildContext): Promise<string> {
  const own = join(folder, "build");
  await mkdir(own);
  const file = join(own, "Dockerfile");
  await writeFile(file, dockerfile);
  await writeFile(`${file}.dockerignore`, ignore);
  await chmod(file, 0o644);
  return file;
}

/** @throws UserError for a secret that is not there: BuildKit would give the build an empty one, or none. */
async function hideSecrets({ report }: Context, secrets: DockerRequest["secrets"], root: string): Promise<void> {
  for (const [id, secret] of Object.entries(secrets)) {
    const value =
      secret.kind === "variable"
        ? variableOfJob(secret.name)
        : await readFile(resolve(root, secret.path), "utf8").catch(() => null);
    if (value === null) {
      const from = secret.kind === "variable" ? `the variable ${secret.name}` : `the file ${secret.path}`;
      throw new UserError({
        what: `The secret ${id} of the build is not there: this step was not given ${from}.`,
        where: "secrets of the build",
        fix:
          secret.kind === "variable"
            ? `Give it under \`env:\` of this step: ${secret.name}: \${{ secrets.${secret.name} }}`
            : "Let a step before this one write it.",
      });
    }
    report({ kind: "secret", value });
  }
}

function absolute(secrets: DockerRequest["secrets"], root: string): Readonly<Record<string, BuildSecret>> {
  return Object.fromEntries(
    Object.entries(secrets).map(([id, secret]) => [
      id,
      secret.kind === "file" ? { kind: "file", path: resolve(root, secret.path) } : secret,
    ]),
  );
}

function known(images: DockerInputs["images"]): Readonly<Record<string, Digest>> {
  return Object.fromEntries(
    Object.entries(images).flatMap(([name, digest]) => (digest === null ? [] : [[name, digest]])),
  );
}

const metadataSchema = z.object({
  "containerimage.digest": digestSchema,
  "buildx.build.warnings": warningsSchema.optional(),
});

async function readMetadata(file: string, { dockerfile }: DockerRequest): Promise<Built> {
  const metadata = metadataSchema.parse(JSON.parse(await readFile(file, "utf8")));
  return {
    digest: metadata["containerimage.digest"],
    findings: warningFindings(metadata["buildx.build.warnings"] ?? [], dockerfile),
  };
}

const seeLog = "What the build has written is in the log above.";

function buildFailed(error: ProgramFailed, { dockerfile, place }: DockerRequest, fix: string): UserError {
  const said = lastError(error.errors.untrusted);
  // BuildKit quotes the lines of the copy that it was given.
  const line = Number(/^Dockerfile:(\d{1,6})$/m.exec(error.errors.untrusted)?.[1] ?? 0);
  return new UserError(
    {
      what: `The image could not be built: ${said ?? error.message}`,
      where: line > 0 ? { file: dockerfile, line, column: 1 } : (place ?? dockerfile),
      fix,
    },
    { cause: error },
  );
}
