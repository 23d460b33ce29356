import { randomBytes } from "node:crypto";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { nameOf } from "../../aws/arn.ts";
import type { Linker, S3Send } from "../../aws/s3.ts";
import type { Reply } from "../../dagster/judge.ts";
import { DagsterUnreachable, WayBroken } from "../../dagster/way.ts";
import type { Context } from "../../domain/context.ts";
import { untrusted } from "../../domain/evidence.ts";
import { type LogStream, followLog } from "../../tasks/follow-log.ts";
import { judgeEnd } from "../../tasks/judge.ts";
import { lookAtTask, startTask, type StartRequest, stopTask, type TaskClients } from "../../tasks/run-task.ts";
import { type Answered, answerReader, type Asked, type Letter, ofLetter } from "./letter.ts";

export interface AskerClients extends TaskClients {
  readonly s3: S3Send;
  readonly link: Linker;
}

/** What a task that asks is made of. */
export interface AskerRequest {
  /** Object that its questions are written to. */
  readonly letter: { readonly bucket: string; readonly key: string };
  /** Of a definition that runs the program. */
  readonly task: Omit<StartRequest, "title" | "command" | "environment" | "clientToken" | "startedBy">;
  readonly log: LogStream;
}

/** A task that asks a webserver from inside the VPC. */
export interface Asker {
  /** null: it is there. */
  over(): Promise<Over | null>;
  /** @throws DagsterUnreachable when no answer came; WayBroken when none can come; AwsError when this job may not start the task, or read what it says */
  ask(question: Omit<Asked, "number">): Promise<Reply>;
  close(): Promise<void>;
}

/** How a task that asks has ended. */
export interface Over {
  readonly why: string;
  readonly fix: string;
  /** Another task would end like this one. */
  readonly repeats: boolean;
  /** It gave one answer at least. */
  readonly hasAnswered: boolean;
}

export const title = "asking Dagster from inside the VPC";
/** By what the tasks that ask are found in the console. */
const startedBy = "dagster-ecs-probe";

/** Seconds that a task lives; the address of its letter lives longer, if the credentials do. */
const lifeSeconds = 55 * 60;
const linkSeconds = 60 * 60;
/** Seconds after its last question until it ends by itself: whoever started it may be gone. */
const idleSeconds = 15 * 60;

/** Time between two looks at the log, in milliseconds, while an answer is awaited; ECS is asked at every fifth. */
const pause = 1000;
const looksBetween = 5;
/** An answer takes at most so long, in milliseconds: 15 s of Dagster's, and the way through S3 and the log. */
const answerTimeout = 60_000;
/** From RunTask until its container runs, in milliseconds. */
const startTimeout = 5 * 60_000;

interface Waiting {
  readonly asked: Asked;
  readonly since: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param front base URL that user and password are for, where the task has any
 * @throws UserError, AwsError when the task cannot be started
 */
export async function startAsker(
  clients: AskerClients,
  context: Context,
  request: AskerRequest,
  front: string,
): Promise<Asker> {
  const { clock, signal, report } = context;
  const { letter, task, log } = request;
  const { Bucket, Key } = { Bucket: letter.bucket, Key: letter.key };
  const token = randomBytes(12).toString("hex");
  const mark = `dagster-ecs-probe-${token}`;
  const waiting = new Map<number, Waiting>();
  let count: number = ofLetter;

  const write = async (): Promise<void> => {
    const text: Letter = { for: mark, questions: [...waiting.values()].map(({ asked }) => asked) };
    const put = new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(text), ContentType: "application/json" });
    await clients.s3(put, { resource: `s3://${Bucket}/${Key}`, idempotent: true });
  };
  /** One after the other: an older letter must not take the place of a newer one. */
  let writing: Promise<void> = Promise.resolve();
  const writeInTurn = (): Promise<void> => {
    const mine = writing.then(write);
    writing = mine.catch(() => undefined);
    return mine;
  };
  await writeInTurn();
  const address = await clients.link({ bucket: Bucket, key: Key, seconds: linkSeconds });
  const command = [mark, address, String(lifeSeconds), String(idleSeconds), front];
  const started = { ...task, title, command, environment: {}, clientToken: token, startedBy };
  const taskArn = await startTask(clients.ecs, context, started);
  const startedAt = clock.now();
  report({ kind: "line", text: `${title}: task ${nameOf(taskArn)}` });

  let over: Over | null = null;
  let hasAnswered = false;
  let runsSince: number | null = null;
  let looks = 0;
  let following: Promise<void> | null = null;
  const read = answerReader();
  const settle = (line: string): void => {
    const { number, answered } = read(line) ?? {};
    if (answered === undefined || number === undefined) return;
    if (number === ofLetter) return end(answered.kind === "unfit" ? unfit(answered.headers) : unread(answered));
    hasAnswered = true;
    const one = waiting.get(number);
    waiting.delete(number);
    if (answered.kind === "reply") one?.resolve(answered.reply);
    else if (answered.kind === "none")
      one?.reject(new DagsterUnreachable(`${one.asked.url} does not answer the task that asks: ${answered.why}`));
  };
  const { container } = task;
  const taskId = nameOf(taskArn);
  const marked = { mark, isWhole: () => waiting.size === 0, take: settle };
  const followed = followLog(clients.logs, context, { ...log, taskId, container }, marked);
  const end = ({ why, fix, repeats = false }: Ended): void => {
    over ??= { why, fix, repeats, hasAnswered };
    const error = repeats ? refusedBy({ why, fix }, front) : new DagsterUnreachable(why);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const look = async (): Promise<void> => {
    const found = await lookAtTask(clients.ecs, task.cluster, taskArn);
    if (found === null) return;
    if (found.lastStatus === "RUNNING") runsSince ??= clock.now();
    if (found.lastStatus !== "STOPPED" || over !== null) return;
    await followed.drain(clock.now());
    const { reason, ...how } = judgeEnd(found, container);
    const last = followed.lastLines().at(-1) ?? "";
    const words = [reason, how.kind === "exited" ? `exit code ${how.exitCode}` : "", untrusted(last).untrusted];
    end({
      why: `The task that asks Dagster (${taskId}) has ended: ${words.filter((one) => one !== "").join("; ")}.`,
      fix:
        how.kind === "exited"
          ? "It runs `python3` of the webserver's image: see its log, and that the image has Python 3.8 or newer."
          : how.advice,
    });
  };
  /** While somebody waits. */
  const follow = async (): Promise<void> => {
    for (; waiting.size > 0 && over === null; looks += 1) {
      if (runsSince === null || looks % looksBetween === 0) await look();
      if (runsSince !== null) await followed.read();
      const refusal = followed.refusal();
      // Its answers come no other way.
      if (refusal !== null) throw refusal;
      for (const [number, one] of waiting) {
        const late = lateness(one, startedAt, runsSince, clock.now());
        if (late === null) continue;
        waiting.delete(number);
        one.reject(new DagsterUnreachable(late));
      }
      await clock.sleep(pause, signal);
    }
  };
  const followOn = (): void => {
    following ??= follow()
      .catch((error: unknown) => {
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      })
      .finally(() => {
        following = null;
        if (waiting.size > 0) followOn();
      });
  };

  return {
    over: async () => {
      if (over === null && clock.now() - startedAt > (lifeSeconds - 60) * 1000) end(lived);
      if (over === null && waiting.size === 0) await look();
      return over;
    },
    ask: async (question) => {
      signal.throwIfAborted();
      count += 1;
      const asked = { number: count, ...question };
      const reply = new Promise<Reply>((resolve, reject) => {
        waiting.set(asked.number, { asked, since: clock.now(), resolve, reject });
      });
      reply.catch(() => undefined);
      try {
        await writeInTurn();
      } catch (error) {
        waiting.delete(asked.number);
        throw error;
      }
      followOn();
      return reply;
    },
    close: async () => {
      waiting.clear();
      // Whoever has the letter's address finds nothing in it.
      await writeInTurn().catch(() => undefined);
      if (over === null) await stopTask(clients.ecs, { cluster: task.cluster, title }, taskArn, "done");
      end(lived);
    },
  };
}

const lived = { why: "The task that asks Dagster has come to the end of its time.", fix: "Run it again." };

/** @returns why nobody waits any longer; null: it is not too late */
function lateness({ asked, since }: Waiting, startedAt: number, runsSince: number | null, now: number): string | null {
  if (runsSince === null)
    return now - Math.max(since, startedAt) < startTimeout
      ? null
      : `the task that asks Dagster does not run after ${startTimeout / 1000} s`;
  return now - Math.max(since, runsSince) < answerTimeout
    ? null
    : `${asked.url}: the log of the task that asks has no answer after ${answerTimeout / 1000} s`;
}

type Ended = Pick<Over, "why" | "fix"> & Partial<Pick<Over, "repeats">>;

function unfit(headers: readonly string[]): Ended {
  const names = headers.map((name) => untrusted(name).untrusted).join(", ");
  return {
    why: `The task that asks Dagster cannot send ${names}: what its secret holds is no text of one line.`,
    fix: "Put the value there, in one line and without blanks around it; or name another place under `gates: { auth: … }`.",
    repeats: true,
  };
}

function unread(answered: Answered): Ended {
  const why = answered.kind === "none" ? answered.why : "";
  return {
    why: `The task that asks Dagster cannot read its questions from the stack's bucket: ${why.replaceAll(/\s+/g, " ").slice(0, 300)}.`,
    fix: "Give the webserver's subnets a way to S3, for this bucket, too: a gateway endpoint whose policy allows `s3:GetObject` on the stack's prefix, or NAT. The role of this job must be allowed that as well: its signature opens the object.",
  };
}

/** What is told when it cannot be asked. */
export function refusedBy({ why, fix }: Pick<Over, "why" | "fix">, where: string): WayBroken {
  return new WayBroken({ what: why, where, fix });
}
