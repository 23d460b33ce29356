import * as z from "zod";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { flag, optional } from "../domain/given.ts";
import type { Part } from "../domain/plan.ts";
import { type Release, releaseBytes, releaseLimitBytes, serializeRelease } from "../domain/release.ts";
import { readInputs } from "../github/inputs.ts";
import { whyNotRun, workflowRun } from "../github/run.ts";
import { markClosed } from "../github/state.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import type { DeployRequest } from "../releases/deploy.ts";
import { usualRolling } from "../releases/rolling.ts";
import type { Result } from "../releases/result.ts";
import { resultIn } from "../releases/result-in.ts";
import { unlessForeign } from "./foreign.ts";
import { logged, roleRequest, sessionRequest, travelling } from "./inputs.ts";

/** Inputs of the actions that carry out one part of a release each. */
export const partInputs = z.object(travelling);

/** Inputs of the action that makes images. */
export const imageInputs = z.object({ ...travelling, "copy-images": flag, "test-command": optional });

/** Where an action has no input for it. */
const usual = {
  queuedRuns: "keep",
  allowStateLoss: false,
  rolling: usualRolling,
  verifying: "false",
  keepRevisions: null,
} as const;

/** Of an action that makes none. */
const withoutImages: Pick<z.output<typeof imageInputs>, "copy-images" | "test-command"> = {
  "copy-images": false,
  "test-command": null,
};

type Outputs = (result: Result) => Readonly<Record<string, string>>;

/** Carries out one part of the whole release's plan, and passes the release on. */
export async function runPart(
  parts: readonly Part[],
  outputs: Outputs,
  choices: Partial<
    Pick<DeployRequest, "queuedRuns" | "allowStateLoss" | "rolling" | "verifying" | "keepRevisions">
  > = {},
): Promise<void> {
  const makesImages = parts.includes("images");
  const inputs = { ...withoutImages, ...readInputs(makesImages ? imageInputs : partInputs) };
  const { "test-command": tests } = inputs;
  const request = { ...requestOf(inputs), parts, ...choices };
  // After the inputs: a bad one is said before AWS's clients are loaded.
  const role = roleRequest(inputs);
  const { connect, deploy, images, testImages } = await import("../releases/work.ts");
  const isLast = parts.includes("rollout");
  await told(async (context) => {
    const connections = connect(context, role);
    if (tests !== null) await images.checkEngine(request.root);
    const result = await deploy(context, connections, request);
    if (tests !== null) await testImages(context, connections, request, result.release, tests);
    return result;
  }, outputs);
  if (isLast) markClosed();
}

/** Plans the release that this step would make images for, tells it, and writes nothing: no image, no tag, no lock. */
export async function planPart(outputs: Outputs): Promise<void> {
  const inputs = readInputs(imageInputs);
  const request = {
    ...requestOf(inputs),
    whyNotRun: whyNotRun(workflowRun(process.env)),
    isTrial: false,
    definitions: { loads: false, files: [] },
    prices: {},
  };
  const role = roleRequest(inputs);
  const { connect, plan } = await import("../releases/work.ts");
  await unlessForeign(() =>
    told((context) => {
      if (inputs["test-command"] !== null) context.report({ kind: "finding", finding: untested });
      return plan(context, connect(context, role), request);
    }, outputs),
  );
}

const untested: Finding = {
  id: "not-checked",
  level: "warning",
  where: "input test-command",
  what: "The tests were not run: this step makes no image, it only says what it would make.",
  fix: "They run where images are pushed. To run them for a pull request, push its images with `push: true`; or test the code outside of an image.",
};

function requestOf(inputs: z.output<typeof imageInputs>) {
  const { release, only, from, "copy-images": copyImages } = inputs;
  return { ...sessionRequest(inputs), release, only, from, copyImages, approved: null, ...usual };
}

/** Whom a result is told beside the job: the pull request that it is for. */
export interface Listener {
  readonly isAnnotated: (finding: Finding) => boolean;
  readonly tell: (context: Context, result: Result) => Promise<void>;
  /** There is no result, and what it was told before is not true any more. */
  readonly tellNone: (context: Context, error: unknown) => Promise<void>;
}

/** Runs something that ends in a result, and tells it: summary and outputs, on failure too. */
export async function told(
  work: (context: Context) => Promise<Result>,
  outputs: Outputs,
  listener: Listener | null = null,
): Promise<void> {
  await logged(async (context) => {
    try {
      const result = await work(context);
      context.report({ kind: "result", lines: [...result.words, ...tooLarge(result.release)] });
      await tell(result, outputs);
      await listener?.tell(context, result);
    } catch (error) {
      const failed = resultIn(error);
      const toTell = async (): Promise<void> => {
        if (failed === null) return listener?.tellNone(context, error);
        await tell(failed, outputs);
        await listener?.tell(context, failed);
      };
      // The first cause stays the story, whatever becomes of its telling.
      await toTell().catch((unsaid: unknown) =>
        context.report({ kind: "line", text: `it was not told in whole: ${messageOf(unsaid)}` }),
      );
      throw error;
    }
  }, listener?.isAnnotated);
}

function tooLarge(release: Release): readonly string[] {
  const bytes = releaseBytes(release);
  if (bytes <= releaseLimitBytes) return [];
  return [
    `Output \`release\` is empty: it would have ${bytes} bytes, and ${releaseLimitBytes} fit. Leave the input \`release\` of later steps empty: they find images by their content, and the rest by the lock that this job holds.`,
  ];
}

/** Outputs that every action of a release has. */
function releaseOutputs({ release, changed, outcome }: Result): Readonly<Record<string, string>> {
  return {
    release: travellingText(release),
    "release-id": release.id,
    changed: String(changed),
    outcome: outcome ?? "",
  };
}

/** Empty when it is too large for an output: what needs it then finds it without. */
function travellingText(release: Release): string {
  return releaseBytes(release) > releaseLimitBytes ? "" : serializeRelease(release);
}

/** Repository and digest of each image, as JSON by key. */
export function imagesOutput({ images }: Release): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(images).map(([key, { repository, digest }]) => [key, { repository, digest }])),
  );
}

/** `family:revision` of each task definition, as JSON by `service/<key>`, `run/<location>` or `once/<image>`. */
export function definitionsOutput({ taskDefinitions }: Release): string {
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(taskDefinitions).map(([key, { family, revision }]) => [key, `${family}:${revision}`]),
    ),
  );
}

/** What each definition that was registered, or would be, changes, as JSON. */
export function changesOutput({ definitionChanges }: Result): string {
  return JSON.stringify(definitionChanges);
}

/** What became of each service, as JSON by key. */
export function verdictsOutput({ services }: Result): string {
  return JSON.stringify(Object.fromEntries(services.map(({ service, verdict }) => [service, verdict])));
}

async function tell(result: Result, outputs: Outputs): Promise<void> {
  await writeSummary(result.summary);
  writeOutputs({ ...releaseOutputs(result), ...outputs(result) });
}
