import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { flag, lines, optional } from "../domain/given.ts";
import { workflowRun } from "../github/run.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import { code, heading, markdown, paragraphs } from "../markdown/markdown.ts";
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
  const [foreign] = Object.entries(inputs.secrets).filter(([, value]) => /^(?:secret|ssm):/.test(value));
  if (foreign !== undefined)
    throw new UserError({
      what: `The secret for ${foreign[0]} is written as in a stack file, and ECS knows ARNs only.`,
      where: "input secrets",
      fix: "Give the ARN of the parameter or the secret; of one key of it: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY::",
    });
  const images = { ...inputs.images, ...(image === null || container === null ? {} : { [container]: image }) };
  const { workspace, temporaryFolder } = workflowRun(process.env);
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
  const request = { images, container, environment: inputs["environment-variables"], secrets: inputs.secrets };
  const { family, content } = work.definitionFromFile(text, path, request);
  const rendered = join(temporaryFolder, `task-definition-${family}.json`);
  await writeFile(rendered, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  writeOutputs({ "task-definition": rendered });
  if (!inputs.register) return;
  await logged(async (context) => {
    const { clients } = await openAws(work, context, regionOfJob(), inputs);
    const { ecs } = clients;
    const newest = await work.newestDefinition(ecs, family);
    const changes = work.compareDefinitions(newest?.content ?? null, content);
    const { arn, registered, revision } = await work.registerDefinition(ecs, family, content, {});
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
