import type { Context } from "../domain/context.ts";
import { dagsListName, dagsListSchema, listVersion } from "../domain/dags-list.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { instant } from "../domain/identifiers.ts";
import type { Step } from "../domain/plan.ts";
import type { ListBack } from "./ending/list.ts";
import type { HeldLock } from "./lock.ts";
import { listStore } from "./observe/list.ts";
import type { RolloutEnd } from "./rollout.ts";
import type { Session } from "./session.ts";
import { nextList } from "./steps/list.ts";

/** The step that has written the list, or may have; or was to, where one that was cut had. */
export function listWritten({ steps }: Pick<RolloutEnd, "steps">): Extract<Step, { kind: "list" }> | null {
  const written = steps.flatMap(({ step, ...end }) => {
    if (step.kind !== "list") return [];
    const isRefused = end.kind === "failed" && end.error instanceof UserError && end.error.kind === "superseded";
    return !isRefused && (end.kind !== "left" || isOfEarlier(step)) ? [step] : [];
  });
  return written[0] ?? null;
}

function isOfEarlier({ from, undo }: Extract<Step, { kind: "list" }>): boolean {
  const former = undo.kind === "list" ? undo.to : null;
  return former !== null && from !== null && from.version !== listVersion(former);
}

/** Lets webserver and daemon load again what the current release says. @returns null: the list was not touched */
export async function takeListBack(
  { clock, report }: Context,
  { clients, stack, currentRelease, request }: Session,
  lock: HeldLock,
  end: RolloutEnd,
): Promise<ListBack | null> {
  const step = listWritten(end);
  if (step === null || step.undo.kind !== "list") return null;
  const { to } = step.undo;
  const [store, key] = [listStore(clients.s3, stack), dagsListName(stack)];
  try {
    await lock.check();
    const now = await store.read(key, dagsListSchema);
    if (now === null) return null;
    const there = Object.keys(now.value.locations);
    if (to === null || currentRelease === null) {
      report({ kind: "line", text: `the list of locations keeps ${there.join(", ")}: no release before has one` });
      return { locations: there, why: null };
    }
    const names = Object.keys(to);
    if (now.value.version === listVersion(to)) return { locations: names, why: null };
    if (now.value.version !== step.version && now.value.version !== step.from?.version)
      return { locations: there, why: "Somebody else has written it meanwhile, and that stays." };
    const by = { source: currentRelease.source, run: request.owner.url, at: instant(clock.now()) };
    if ((await store.replace(key, nextList(now.value, { locations: to, ...by }), now.etag)) === null)
      return { locations: null, why: "Somebody else has written it at the same time." };
    report({ kind: "line", text: `webserver and daemon are to load ${names.join(", ")} again` });
    return { locations: names, why: null };
  } catch (error) {
    return { locations: null, why: messageOf(error) };
  }
}
