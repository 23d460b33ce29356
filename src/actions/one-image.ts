import * as z from "zod";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { choice, flag, lines, optional } from "../domain/given.ts";
import { imagePartSchema } from "../domain/release.ts";
import { mask } from "../github/report.ts";
import { workflowRun } from "../github/run.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import type { BuildSecret, DockerRequest, ImagePlan } from "../images/index.ts";
import { code, heading, list, markdown, paragraphs, table } from "../markdown/markdown.ts";
import { someOf } from "../releases/some-of.ts";
import { common, logged } from "./inputs.ts";
import { openAws, regionOfJob, writesFor } from "./without-stack.ts";

const variable = /^[A-Za-z_]\w*$/;
const secretId = /^[\w.-]{1,100}$/;

/** `NAME=value`, one a line. */
const pairs = (name: RegExp, what: string) =>
  lines.transform((all, context): Readonly<Record<string, string>> => {
    const found = all.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)] as const;
    });
    if (!found.every(([key]) => name.test(key))) context.addIssue(what);
    else if (new Set(found.map(([key]) => key)).size < found.length) context.addIssue("names each only once");
    else return Object.fromEntries(found);
    return z.NEVER;
  });

/** What only an image without a stack file has. */
export const ofOneImage = {
  repository: optional.refine(
    (name) => name === null || (imagePartSchema.shape.repository.safeParse(name).success && !/\.dkr\.ecr\./.test(name)),
    "is the name of an ECR repository, without its registry",
  ),
  context: z.string(),
  file: optional,
  target: optional,
  platform: choice(["linux/amd64", "linux/arm64"]),
  "build-args": pairs(variable, "has one NAME=value a line"),
  secrets: pairs(secretId, "has one id=value a line"),
  "secret-envs": pairs(secretId, "has one id=NAME a line: NAME is a variable of this step"),
  "secret-files": pairs(secretId, "has one id=path a line"),
  cache: choice(["off", "registry"]),
  "cache-from": lines,
  "cache-to": lines,
  "no-cache": flag,
  builder: optional,
  provenance: choice(["off", "min", "max"]),
  scan: choice(["off", "report", "gate"]),
  "create-repository": flag,
  push: choice(["auto", "true", "false"]),
};

const oneImage = z.object({ ...common, ...ofOneImage });
export type OneImageInputs = z.output<typeof oneImage>;

/**
 * One that says what its default says is taken for left out: the runner does not tell them apart.
 * @throws UserError for inputs that mean nothing where the images are those of a stack
 */
export function checkForStack(inputs: Pick<OneImageInputs, keyof typeof ofOneImage>): void {
  const given = Object.entries({
    context: inputs.context !== ".",
    file: inputs.file !== null,
    target: inputs.target !== null,
    platform: inputs.platform !== "linux/amd64",
    "build-args": Object.keys(inputs["build-args"]).length > 0,
    secrets: Object.keys(inputs.secrets).length > 0,
    "secret-envs": Object.keys(inputs["secret-envs"]).length > 0,
    "secret-files": Object.keys(inputs["secret-files"]).length > 0,
    cache: inputs.cache !== "off",
    "cache-from": inputs["cache-from"].length > 0,
    "cache-to": inputs["cache-to"].length > 0,
    "no-cache": inputs["no-cache"],
    builder: inputs.builder !== null,
    provenance: inputs.provenance !== "off",
    scan: inputs.scan !== "off",
    "create-repository": inputs["create-repository"],
  }).flatMap(([name, isGiven]) => (isGiven ? [name] : []));
  if (given.length === 0) return;
  throw new UserError({
    what: `Without \`repository\` the images are those of the stack file, which says itself how they are built: ${given.join(", ")} would mean nothing.`,
    where: `inputs of this action: ${given.join(", ")}`,
    fix: "Name the `repository` of the one image that is to be built; or remove these, and write them under `build:` in the stack file.",
  });
}

/** @throws UserError for inputs that mean nothing without a stack file */
export function checkForOneImage(
  inputs: Readonly<Record<"release" | "only" | "from" | "copy-images" | "test-command", unknown>>,
): void {
  const given = Object.entries({
    release: inputs.release !== null,
    only: inputs.only !== null,
    from: inputs.from !== null,
    "copy-images": inputs["copy-images"] === true,
    "test-command": inputs["test-command"] !== null,
  }).flatMap(([name, isGiven]) => (isGiven ? [name] : []));
  if (given.length === 0) return;
  throw new UserError({
    what: `With \`repository\` one image is built, without a stack file: ${given.join(", ")} would mean nothing.`,
    where: `inputs of this action: ${given.join(", ")}`,
    fix: "Remove these; or remove `repository`, to make the images of the stack.",
  });
}

/** Builds one image from a Dockerfile and pushes it to ECR, without a stack file. */
export async function makeOneImage(inputs: OneImageInputs, repository: string): Promise<void> {
  const run = workflowRun(process.env);
  checkSecrets(inputs);
  const region = regionOfJob();
  const work = await import("../releases/work.ts");
  const { images } = work;
  await logged(async (context) => {
    const { connections, clients: aws } = await openAws(work, context, region, inputs);
    const checkout = await connections.history.checkout(run.workspace);
    const pushes = writesFor(inputs.push, run.event);
    const isDirty = checkout.changedFiles.length > 0;
    if (pushes && isDirty && !inputs["allow-dirty"]) throw dirty(run.workspace, checkout.changedFiles);
    const source = { repository: run.repository, sha: checkout.head };
    const request = requestOf(inputs, {
      repository,
      root: run.workspace,
      source,
      isDirty,
      cacheTag: images.cacheTag,
    });
    const folders = { scratch: run.temporaryFolder, kept: run.keptFolder };
    const clients = await connections.images(context, aws, folders);
    const observation = await images.observeMaking(clients, context, request, null);
    const plan = images.planMaking(observation);
    tellFindings(context, plan.findings);
    const host = new URL(clients.registry.endpoint).host;
    if (!pushes) return tell(plan, { host, repository, digest: plan.digest, result: "not-pushed", tags: plan.tags });
    const { part, findings, tags } = await images.applyMaking(clients, context, observation, {
      inspect: async (of, stored) => {
        const scan = { rule: inputs.scan, inStackFile: false };
        const found = await images.scanImage(clients.ecr, context, scan, of, stored);
        const [stop] = found.filter(({ level }) => level === "error");
        if (stop !== undefined) throw new UserError(stop);
        return found;
      },
    });
    tellFindings(context, findings);
    const results = { reuse: "reused", name: "named", docker: "built", layers: "built" } as const;
    const result = results[plan.way];
    await tell(plan, { host, repository, digest: part.digest, result, tags });
  });
}

function requestOf(
  inputs: OneImageInputs,
  {
    cacheTag,
    ...place
  }: Pick<DockerRequest, "repository" | "root" | "source" | "isDirty"> & {
    readonly cacheTag: (target: string | null) => string;
  },
): DockerRequest {
  return {
    way: "docker",
    ...place,
    createRepository: inputs["create-repository"] ? { scanOnPush: true, kmsKey: null } : null,
    platform: inputs.platform,
    context: inputs.context,
    dockerfile: inputs.file ?? "Dockerfile",
    target: inputs.target,
    arguments: inputs["build-args"],
    secrets: secretsOf(inputs),
    cache: inputs.cache === "registry" ? { tag: cacheTag(inputs.target) } : null,
    cacheFrom: inputs["cache-from"],
    cacheTo: inputs["cache-to"],
    noCache: inputs["no-cache"],
    provenance: inputs.provenance,
    builder: inputs.builder,
    place: null,
  };
}

/** @throws UserError for an id that two inputs give: which of them the build would get, nobody could tell */
function checkSecrets(inputs: OneImageInputs): void {
  const ids = (["secrets", "secret-envs", "secret-files"] as const).flatMap((name) => Object.keys(inputs[name]));
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice === undefined) return;
  throw new UserError({
    what: `The secret ${twice} of the build is given twice.`,
    where: "inputs of this action: secrets, secret-envs, secret-files",
    fix: "Give each secret by one of them.",
  });
}

/** Values that are given as such reach the build through the environment of this very step: no argument ever holds one. */
function secretsOf(inputs: OneImageInputs): Readonly<Record<string, BuildSecret>> {
  type Given = [id: string, secret: BuildSecret];
  const values = Object.entries(inputs.secrets).map(([id, value], index): Given => {
    mask(value);
    const name = `DAGSTER_ECS_SECRET_${index}`;
    process.env[name] = value;
    return [id, { kind: "variable", name }];
  });
  const variables = Object.entries(inputs["secret-envs"]).map(
    ([id, name]) => [id, { kind: "variable", name }] as const,
  );
  const files = Object.entries(inputs["secret-files"]).map(([id, path]): Given => [id, { kind: "file", path }]);
  return Object.fromEntries([...values, ...variables, ...files]);
}

function dirty(root: string, changedFiles: readonly string[]): UserError {
  return new UserError({
    what: `The checkout differs from its commit in ${changedFiles.length === 1 ? "a file" : `${changedFiles.length} files`}: ${someOf(changedFiles)}. The image is named by its commit, and would not be what that says.`,
    where: root,
    fix: "Commit them; or let git ignore what earlier steps of the job have made. For a trial, `allow-dirty: true` builds it all the same: its tag is `<sha>-dirty-<hash>`.",
  });
}

/** One that is an error stops. */
function tellFindings({ report }: Context, findings: readonly Finding[]): void {
  for (const finding of findings) {
    if (finding.level === "error") throw new UserError(finding);
    report({ kind: "finding", finding });
  }
}

interface Told {
  readonly host: string;
  readonly repository: string;
  /** null: it is known when the image is built. */
  readonly digest: string | null;
  readonly result: "reused" | "named" | "built" | "not-pushed";
  readonly tags: readonly string[];
}

async function tell(plan: ImagePlan, { host, repository, digest, result, tags }: Told): Promise<void> {
  const said = {
    reused: "nothing was built: the registry has an image of this content",
    named: "nothing was built: the registry has it, and this commit names it now",
    built: "built and pushed",
    "not-pushed": {
      reuse: "would be reused",
      name: "would be named",
      docker: "would be built",
      layers: "would be built",
      copy: "",
    }[plan.way],
  }[result];
  await writeSummary(
    paragraphs(
      heading(3, markdown`Image ${code(repository)}: ${said}`),
      table(
        ["", ""],
        [
          ["digest", digest === null ? "known when it is built" : code(digest)],
          ["content key", code(plan.contentKey)],
          ["new tags", tags.length === 0 ? "none" : code(tags.join(" "))],
        ],
      ),
      list(plan.reasons),
    ),
  );
  writeOutputs({
    "image-uri": digest === null ? "" : `${host}/${repository}@${digest}`,
    digest,
    "content-key": plan.contentKey,
    tags: JSON.stringify(tags),
    "build-result": result,
    changed: String(result === "built" || result === "named" || (result === "not-pushed" && plan.way !== "reuse")),
  });
}
