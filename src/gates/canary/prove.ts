import { type Attempt } from "../gate.ts";
import {
  holdersDiffer,
  noComputeLogs,
  noHolder,
  noLines,
  notATask,
  otherImage,
  unknownTask,
  unreadLines,
} from "./causes.ts";
import { judgeComputeLogs, judgeHolders } from "./judge.ts";
import { computeLogLocation, describeTask, hasObjects, holderTasks, imagesOf, linesIn, logOf } from "./reads.ts";
import type { Asking, Followed, Proved } from "./state.ts";

/** So long ECS may not know the task of a run that has just succeeded: its answers are consistent in the end only; milliseconds. */
const taskPatience = 60_000;

/** So long what a run has written may take to be where it belongs; milliseconds. */
const logPatience = 60_000;

/** What is proved of a run that succeeded; or why it is not, yet or for good. */
type Proof =
  | { readonly kind: "proved"; readonly task: Proved["task"]; readonly how: string }
  | { readonly kind: "not"; readonly attempt: Attempt };

/** Proves that a run which succeeded ran the image. @param taskArn null: it was no task of its own @param seen its end, for people */
export function proveRun(asking: Asking, followed: Followed, taskArn: string | null, seen: string): Promise<Proof> {
  return taskArn === null ? proveHeld(asking, seen) : proveTask(asking, followed, taskArn, seen);
}

function not(attempt: Attempt): Proof {
  return { kind: "not", attempt };
}

/** Of a run that was a task of its own. */
async function proveTask(
  { clients, context, expected, progress }: Asking,
  { id, origin }: Followed,
  taskArn: string,
  seen: string,
): Promise<Proof> {
  const now = context.clock.now();
  const task = await describeTask(clients.ecs, expected.cluster, taskArn);
  const images = imagesOf(task);
  if (images.includes(expected.image)) return { kind: "proved", task, how: seen };
  if (images.length > 0) return not({ seen, cause: otherImage(expected, images), evidence: [] });
  progress.unknownSince ??= now;
  if (now < progress.unknownSince + taskPatience) return not({ waiting: `${seen}, and ECS does not tell of its task` });
  if (origin === "launched") return not({ seen, cause: unknownTask(expected, taskArn), evidence: [] });
  // Of an earlier attempt, too long ago to be proved.
  progress.run = null;
  progress.passedOver = id;
  progress.unknownSince = null;
  return not({ waiting: `${seen}, too long ago to know its image` });
}

/** Of a run that lived in a process of the stack: in which is not told, so all of them must have been right. */
async function proveHeld({ clients, expected, progress }: Asking, seen: string): Promise<Proof> {
  const { holders, image, target } = expected;
  if (holders.length === 0) return not({ seen, cause: notATask(target), evidence: [] });
  const after = (await holderTasks(clients.ecs, expected)).map(imagesOf);
  // One that was found is not known to have begun among these; what runs now is all that can be said.
  const held = judgeHolders(progress.run?.origin === "found" ? after : progress.before, after, image);
  if (held.kind === "others") return not({ seen, cause: holdersDiffer(expected, held.images), evidence: [] });
  if (held.kind === "nowhere") return not({ seen, cause: noHolder(expected), evidence: [] });
  const where =
    held.tasks === 1
      ? `the task of ${holders.join(", ")} runs`
      : `all ${held.tasks} tasks of ${holders.join(", ")} run`;
  return { kind: "proved", task: null, how: `${seen}, in a process of the stack: ${where} this image` };
}

/** What a run has written, where that is asked for. */
export async function proveWritten(asking: Asking, runId: string, proved: Proved): Promise<Attempt> {
  const { clients, context, dagster, expected } = asking;
  const isLate = context.clock.now() >= proved.since + logPatience;
  if (expected.logs && proved.task !== null && proved.lines === null) {
    const place = await logOf(clients.ecs, proved.task, expected.image);
    if (typeof place === "string") return { seen: proved.how, cause: noLines(expected, place), evidence: [] };
    const lines = await linesIn(clients.logs, place);
    if (lines instanceof Error) return { seen: proved.how, cause: unreadLines(expected, lines), evidence: [] };
    if (lines === null || lines === 0) {
      const why = `log stream ${place.logStreamName} of ${place.logGroupName} ${lines === null ? "is not there" : "is empty"}`;
      if (isLate) return { seen: proved.how, cause: noLines(expected, why), evidence: [] };
      return { waiting: `${proved.how}; ${why}` };
    }
    proved.lines = `${lines === 100 ? "100 lines or more" : lines === 1 ? "1 line" : `${lines} lines`} in ${place.logGroupName}`;
  }
  if (expected.computeLogs !== null && proved.computeLogs === null) {
    const { bucket } = expected.computeLogs;
    const found = judgeComputeLogs(await computeLogLocation(dagster, runId), runId, expected.computeLogs);
    if (found.kind === "elsewhere")
      return { seen: proved.how, cause: noComputeLogs(expected, found.why), evidence: [] };
    if (found.kind === "not-yet" || !(await hasObjects(clients.s3, bucket, found.folder))) {
      const why =
        found.kind === "not-yet" ? "Dagster names no place of them" : `s3://${bucket}/${found.folder} holds nothing`;
      if (isLate) return { seen: proved.how, cause: noComputeLogs(expected, why), evidence: [] };
      return { waiting: `${proved.how}; compute logs: ${why}` };
    }
    proved.computeLogs = `compute logs in s3://${bucket}/${found.folder}`;
  }
  const seen = [proved.how, proved.lines, proved.computeLogs].filter((part) => part !== null).join("; ");
  return { seen, since: proved.since };
}
