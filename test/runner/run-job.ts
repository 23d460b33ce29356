import { type Job, type Running, runPost, startStep, type Step, type StepResult } from "./run-step.ts";

/** Somebody who looks on while a job runs. */
export interface JobWatch {
  /** A step begins, with these inputs. */
  readonly onStep?: (step: Step) => void;
  readonly onStart?: (running: Running) => void;
  readonly onLine?: (line: string) => void;
  readonly onEnd?: (result: StepResult) => void;
  /** The post step of an action has ended. */
  readonly onPost?: (step: Step, result: StepResult) => void;
  /** Is the machine gone? Then nothing more runs on it, no post step either. */
  readonly isLost?: () => boolean;
}

export interface JobResult {
  /** Of the steps that ran; the last one may have failed. */
  readonly steps: readonly StepResult[];
  readonly posts: readonly StepResult[];
}

/**
 * Runs the steps of a job as GitHub's runner does: each with the output `release` of the one before, until one fails; then, however
 * that was, the post steps of all that ran, the last one first. A cancelled job has its post steps all the same.
 */
export async function runJob(job: Job, steps: readonly Step[], watch: JobWatch = {}): Promise<JobResult> {
  const { onStep, onStart, onLine, onEnd, onPost, isLost = () => false } = watch;
  const ran: { readonly step: Step; readonly result: StepResult }[] = [];
  for (const given of steps) {
    const release = ran.at(-1)?.result.outputs["release"];
    const step = release === undefined ? given : { ...given, with: { ...given.with, release } };
    onStep?.(step);
    const running = await startStep(job, step, onLine);
    onStart?.(running);
    const result = await running.result;
    ran.push({ step, result });
    onEnd?.(result);
    if (result.exitCode !== 0 || isLost()) break;
  }
  const { signal: _cancelled, ...closing } = job;
  const posts: StepResult[] = [];
  for (const { step, result } of ran.toReversed()) {
    if (isLost()) break;
    const post = await runPost(closing, step, result, onLine);
    if (post === null) continue;
    posts.push(post);
    onPost?.(step, post);
  }
  return { steps: ran.map(({ result }) => result), posts };
}
