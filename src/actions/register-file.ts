import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type SecretReference, secretReferenceSchema } from "../domain/contract.ts";
import { UserError } from "../domain/errors.ts";
import { flag, lines, optional } from "../domain/given.ts";
import { workflowRun } from "../github/run.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import { code, heading, markdown, paragraphs } from "../markdown/markdown.ts";
import type * as Work from "../releases/work.ts";
import { logged } from "./inputs.ts";
import { openAws, regionOfJob, type SignIn } from "./without-stack.ts";

/** `name=value`, one a line. The name ends at the first `=`. */
const assignments = lines.transform((all, context): Readonly<Record<string, string>> => {
  const pairs = all.map((line) => /^([^=\s]+)=(.*)$/.exec(line));
  if (pairs.includes(null)) context.addIssue("has lines name=value");
  const named = pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? "", pair[2] ?? ""] as const]));
  if (new Set(named.map(([name]) => name)).size < named.length) context.addIssue("names each only once");
  return Object.fromEntries(named);
});

/** What is taken for one definition file, without a stack file. */
export const fileInputs = {
  "task-definition": optional,
  "container-name": optional,
  image: optional,
  images: assignments,
  "environment-variables": assignments,
  secrets: assignments,
  register: flag,
};

type FileInputs = z.output<z.ZodObject<typeof fileInputs>>;

/** Names of those inputs that were given although no file is. */
export function withoutFile(inputs: FileInputs): readonly string[] {
  const texts = (["container-name", "image"] as const).filter((name) => inputs[name] !== null);
  const maps = (["images", "environment-variables", "secrets"] as const).filter(
    (name) => Object.keys(inputs[name]).length > 0,
  );
  return [...texts, ...maps, ...(inputs.register ? [] : ["register"])];
}

/** Sets images and variables in a definition file, writes it for a step that deploys it, and registers it unless it is there. */
export async function registerFile(path: string, inputs: FileInputs & SignIn): Promise<void> {
  const { "container-name": container, image } = inputs;
  if (
    (image === null) !== (container === null) &&
    Object.keys(inputs["environment-variables"]).length === 0 &&
    Object.keys(inputs.secrets).length === 0
  )
    throw new UserError({
      what:
        image === null
          ? "`container-name` alone sets nothing."
          : "`image` is given, and nothing says for which container.",
      where: "inputs container-name and image",
      fix: "Give both; or `images`, with a line container=image for each.",
    });
  if (image !== null && container === null)
    throw new UserError({
      what: "`image` is given, and nothing says for which container.",
      where: "input container-name",
      fix: "Give `container-name`.",
    });
  const misspelt = Object.entries(inputs.secrets).find(
    ([, value]) => /^(?:secret|ssm):/.test(value) && !isReference(value),
  );
  if (misspelt !== undefined)
    throw new UserError({
      what: `The secret for ${misspelt[0]} is no reference.`,
      where: "input secrets",
      fix: "Write ssm:/path of a parameter, secret:name or secret:name#key; or the ARN of one.",
    });
  const images = { ...inputs.images, ...(image === null || container === null ? {} : { [container]: image }) };
  const { workspace, temporaryFolder, repository } = workflowRun(process.env);
  const text = await readFile(join(workspace, path), "utf8").catch((cause: unknown) => {
    throw new UserError(
      {
        what: `${path} cannot be read.`,
        where: "input task-definition",
        fix: "Check the path: it starts at the root of the checkout.",
      },
      { cause },
    );
  });
  const work = await import("../releases/work.ts");
  await logged(async (context) => {
    const references = Object.values(inputs.secrets).filter(isReference);
    const connected =
      inputs.register || references.length > 0 ? await openAws(work, context, regionOfJob(), inputs) : null;
    const secrets =
      connected === null || references.length === 0
        ? inputs.secrets
        : await arnsOf(work, inputs.secrets, () => connected.connections.caller(context, regionOfJob()));
    const request = { images, container, environment: inputs["environment-variables"], secrets };
    const definition = work.definitionFromFile(text, path, request);
    const { family, content } = definition;
    const sha = await headOf(work.connect(context, null), workspace);
    for (const finding of [...definition.findings, ...work.judgeFile(definition, sha)]) {
      if (finding.level === "error") throw new UserError(finding);
      context.report({ kind: "finding", finding });
    }
    const rendered = join(temporaryFolder, `task-definition-${family}.json`);
    await writeFile(rendered, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    writeOutputs({ "task-definition": rendered });
    if (!inputs.register || connected === null) return;
    const { clients } = connected;
    const { ecs } = clients;
    const newest = await work.newestDefinition(ecs, family);
    const changes = work.compareDefinitions(newest?.content ?? null, content);
    const { arn, registered, revision } = await work.registerDefinition(ecs, family, content, {
      "dagster-ecs:repository": repository,
      ...(sha === null ? {} : { "dagster-ecs:commit": sha }),
    });
    const said = `${revision.family}:${revision.revision}${registered ? "" : ", which was there: nothing differs"}`;
    context.report({ kind: "result", lines: [said] });
    await writeSummary(
      paragraphs(
        heading(2, markdown`Task definition ${family}`),
        markdown`${code(said)}`,
        work.explainChanges(changes),
      ),
    );
    writeOutputs({
      "task-definition-arn": arn,
      changed: String(registered),
      "definition-changes": JSON.stringify([
        {
          definition: path,
          family,
          from: newest === null ? null : `${newest.revision.family}:${newest.revision.revision}`,
          changes,
        },
      ]),
    });
  });
}

/** `ssm:/path`, `secret:name` or `secret:name#key`, as a stack file has it. */
function isReference(value: string): value is SecretReference {
  return secretReferenceSchema.safeParse(value).success;
}

/** Secrets by what ECS knows them by, in the account and region of the job. */
async function arnsOf(
  { parseSecret, homeOf, valueFromOf }: typeof Work,
  secrets: Readonly<Record<string, string>>,
  caller: () => Promise<{ readonly account: string; readonly region: string }>,
): Promise<Readonly<Record<string, string>>> {
  const home = homeOf(await caller());
  const arn = (value: string): string => (isReference(value) ? valueFromOf(parseSecret(value), home) : value);
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, arn(value)]));
}

/** The commit that the file is of; null: it is of none, or git is not there to tell. */
async function headOf({ history }: ReturnType<typeof Work.connect>, workspace: string): Promise<string | null> {
  try {
    return (await history.checkout(workspace)).head;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
