import type { Context } from "../domain/context.ts";
import type { Owner } from "../domain/journal.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import { code, heading, list, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Connections } from "./connections.ts";
import { unlock } from "./lock.ts";
import { openSession, type SessionRequest } from "./session.ts";

/** What became of the lock. */
export interface Unlocked {
  /** null: nobody held it. */
  readonly holder: Owner | null;
  /** It was taken away; else only looked at. */
  readonly taken: boolean;
  readonly why: string;
  /** Releases that are neither committed nor taken back: the next release goes on from them. */
  readonly unfinished: readonly ReleaseId[];
}

/**
 * Takes the lock of a stack away from whoever holds it, and who writes nothing more from then on.
 * @param options `why` is told to its holder; `dryRun` looks, and takes nothing
 * @throws UserError, AwsError
 */
export async function unlockStack(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  { why, dryRun }: { readonly why: string; readonly dryRun: boolean },
): Promise<Unlocked> {
  const { records, lock, unfinished } = await openSession(context, connections, request);
  const holder = dryRun ? (lock?.value.holder ?? null) : await unlock(records, context, request.owner, why);
  const open = unfinished.map(({ intent }) => intent.release.id);
  return { holder, taken: holder !== null && !dryRun, why, unfinished: open };
}

/** For the log. */
export function wordsOfUnlocked({ holder, taken, why }: Unlocked): string {
  if (holder === null) return "Nobody held the lock.";
  return taken
    ? `The lock was taken away from ${holder.name}: ${why}`
    : `${holder.name} holds the lock. Without \`dry-run\` it would be taken away.`;
}

/** For the job summary. */
export function explainUnlocked({ holder, taken, why, unfinished }: Unlocked): Markdown {
  if (holder === null) return heading(2, "Nobody held the lock");
  return paragraphs(
    heading(2, taken ? "Unlocked" : "Would unlock"),
    taken
      ? markdown`The lock was taken away from ${holder.name}: ${why}`
      : markdown`${holder.name} holds the lock. Without \`dry-run\` it would be taken away.`,
    unfinished.length === 0
      ? null
      : markdown`Neither committed nor taken back; the next deploy or rollback goes on from there:`,
    unfinished.length === 0 ? null : list(unfinished.map((id) => code(id))),
  );
}
