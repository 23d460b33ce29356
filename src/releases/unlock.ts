import type { Context } from "../domain/context.ts";
import type { Owner } from "../domain/journal.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import { code, heading, list, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Connections } from "./connections.ts";
import { unlock } from "./lock.ts";
import { openSession, type SessionRequest } from "./session.ts";

export interface Unlocked {
  /** null: nobody held it. */
  readonly holder: Owner | null;
  readonly why: string;
  /** Releases that are neither committed nor taken back: the next release goes on from them. */
  readonly unfinished: readonly ReleaseId[];
}

/**
 * Takes the lock of a stack away from whoever holds it, and who writes nothing more from then on.
 * @param why is told to its holder, and stays in the record
 * @throws UserError, AwsError
 */
export async function unlockStack(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  why: string,
): Promise<Unlocked> {
  const { records, unfinished } = await openSession(context, connections, request);
  const holder = await unlock(records, context, request.owner, why);
  return { holder, why, unfinished: unfinished.map(({ intent }) => intent.release.id) };
}

export function explainUnlocked({ holder, why, unfinished }: Unlocked): Markdown {
  if (holder === null) return heading(2, "Nobody held the lock");
  return paragraphs(
    heading(2, "Unlocked"),
    markdown`The lock was taken away from ${holder.name}: ${why}`,
    unfinished.length === 0
      ? null
      : markdown`Neither committed nor taken back; the next deploy or rollback goes on from there:`,
    unfinished.length === 0 ? null : list(unfinished.map((id) => code(id))),
  );
}
