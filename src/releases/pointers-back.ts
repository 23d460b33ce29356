import type { Dagster } from "../dagster/client.ts";
import { switchDags } from "../dags/index.ts";
import type { Context } from "../domain/context.ts";
import { dagsKeys, dagsMirrorSchema, dagsPointerSchema, type DagsVersion, isWholeMirror } from "../domain/dags.ts";
import { listOf } from "../domain/dags-list.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import type { Plan, SwitchUndo } from "../domain/plan.ts";
import { layoutOf } from "../domain/release.ts";
import { versionGate } from "../gates/version.ts";
import { loadedDags } from "./dags-definitions.ts";
import type { HeldLock } from "./lock.ts";
import type { RolloutEnd } from "./rollout.ts";
import type { Observation } from "./observation.ts";
import type { Session } from "./session.ts";
import type { Dags, Stack } from "../stack/stack.ts";
import { bringPlainFiles } from "./steps/plain-files.ts";
import { gateTimeoutSeconds } from "./time-outs.ts";

/** A location whose readers were let have a version that is not to stay. */
export interface SwitchedLocation {
  readonly location: string;
  readonly prefix: string;
  readonly undo: SwitchUndo;
  /** What this release has let readers have, or one before it that was cut: nothing else is switched back. */
  readonly ours: readonly DagsVersion[];
}

/** What readers of a location have after a release that has failed. */
export interface PointerBack {
  readonly location: string;
  /** What they are to have now; null: it could not be seen. */
  readonly version: DagsVersion | null;
  /** null: what they had before; or, where they had nothing, nothing that would harm. */
  readonly why: string | null;
  /** They were switched back: they had something else. */
  readonly isBack: boolean;
}

/** Every location of which a release that has failed has switched the pointer, or may have; or one before it that was cut. Last first. */
export function switchedBy(
  { steps }: Pick<RolloutEnd, "steps">,
  { switched }: Pick<Plan, "switched">,
): readonly SwitchedLocation[] {
  const mine = steps.flatMap(({ step, ...end }): SwitchedLocation[] => {
    if (step.kind !== "switch" || end.kind === "left" || step.undo.kind !== "switch") return [];
    // Refused: somebody else has switched it, and it is not ours.
    if (end.kind === "failed" && end.error instanceof UserError && end.error.kind === "superseded") return [];
    const { location, prefix, undo, version } = step;
    // A write that was denied has left what was found.
    const found = switched.flatMap((one) => (one.location === location ? [one.version] : []));
    const isOthers = end.kind === "done" && end.done.isOthers === true;
    return [{ location, prefix, undo, ours: isOthers ? [] : [version, ...found] }];
  });
  const earlier = switched
    .filter(({ location }) => mine.every((one) => one.location !== location))
    .map(({ version, ...one }) => ({ ...one, ours: [version] }));
  return [...mine.toReversed(), ...earlier];
}

/** Lets readers have again what they had before. One that cannot be switched does not keep the others from it. */
export async function switchAllBack(
  { clock, signal, report }: Context,
  { pointers }: Pick<Session, "pointers">,
  lock: HeldLock,
  switched: readonly SwitchedLocation[],
): Promise<readonly PointerBack[]> {
  const results: PointerBack[] = [];
  for (const { location, prefix, undo, ours } of switched) {
    const store = pointers(prefix);
    try {
      await lock.check();
      const now = await store.read(dagsKeys.pointer, dagsPointerSchema);
      const { to } = undo;
      if (now === null || now.value.version === to?.version) {
        results.push({ location, version: now?.value.version ?? null, why: null, isBack: false });
        continue;
      }
      const { version, until } = now.value;
      if (!ours.includes(version)) {
        const why = `somebody else has switched it to version ${short(version)} meanwhile, which stays`;
        results.push({ location, version, why, isBack: false });
      } else if (to === null) {
        report({ kind: "line", text: `readers of ${location} keep version ${short(version)}: there was none before` });
        results.push({ location, version, why: null, isBack: false });
      } else {
        const from = { version, etag: now.etag, until };
        await switchDags(store, { clock, signal, report }, { key: dagsKeys.pointer, from, to });
        report({ kind: "line", text: `readers of ${location} are to have version ${short(to.version)} again` });
        results.push({ location, version: to.version, why: null, isBack: true });
      }
    } catch (error) {
      results.push({ location, version: null, why: messageOf(error), isBack: false });
    }
  }
  return results;
}

/**
 * Plain files follow the pointer: those that this release has written, or one that was cut, become again what the pointer names. Whole
 * ones of another version are somebody else's, and stay; so do all whole ones where there was no version before.
 * @returns the same, with why where they could not
 */
export async function plainFilesBack(
  context: Context,
  { stack, clients, pointers, request }: Session,
  lock: HeldLock,
  { steps }: Pick<RolloutEnd, "steps">,
  switched: readonly SwitchedLocation[],
  back: readonly PointerBack[],
): Promise<readonly PointerBack[]> {
  const results = [...back];
  for (const dags of plainPlaces(stack, steps)) {
    const { location, prefix, mirrorPrefix } = dags;
    try {
      const [pointer, mirror] = await Promise.all([
        pointers(prefix).read(dagsKeys.pointer, dagsPointerSchema),
        pointers(mirrorPrefix).read(dagsKeys.mirror, dagsMirrorSchema),
      ]);
      // Nobody has begun with them.
      if (pointer === null || mirror === null) continue;
      const { version } = pointer.value;
      if (isWholeMirror(mirror.value)) {
        const mine = switched.find((one) => one.location === location);
        const isOurs = mine !== undefined && mine.undo.to !== null && mine.ours.includes(mirror.value.version);
        if (mirror.value.version === version || !isOurs) continue;
      }
      await lock.check();
      await bringPlainFiles(context, clients, stack, dags, version, request.owner.url);
      context.report({ kind: "line", text: `plain files of ${location} are those of version ${short(version)} again` });
      if (results.every((one) => one.location !== location))
        results.push({ location, version, why: null, isBack: false });
    } catch (error) {
      const why = `its plain files could not be brought back: ${messageOf(error)}`;
      const at = results.findIndex((one) => one.location === location);
      const before = results[at];
      if (before === undefined) results.push({ location, version: null, why, isBack: false });
      else results[at] = { ...before, why: before.why ?? why };
    }
  }
  return results;
}

/** Wherever plain files are kept, or were to be: a rollback writes them where an earlier release had them. */
function plainPlaces({ dags }: Pick<Stack, "dags">, steps: RolloutEnd["steps"]): readonly Dags[] {
  return Object.values(dags).flatMap((one) => {
    if (one.source !== null) return [];
    const written = steps.flatMap(({ step }) =>
      step.kind === "mirror" && step.location === one.location ? [step.prefix] : [],
    );
    const kept = layoutOf(one).mirrorPrefix;
    const prefixes = new Set([...(kept === undefined ? [] : [kept]), ...written]);
    return [...prefixes].map((mirrorPrefix) => ({ ...one, mirrorPrefix }));
  });
}

/**
 * Asks Dagster whether it has loaded what readers are to have again, where a webserver was there to load it. Of a location whose plain
 * files are copied nobody can be asked.
 */
export async function seenBack(
  context: Context,
  { services, dags }: Pick<Stack, "services" | "dags">,
  { before, current }: Pick<Observation, "before" | "current">,
  dagster: Dagster | null,
  back: readonly PointerBack[],
): Promise<readonly PointerBack[]> {
  const isAnswered = Object.values(services).some(({ kind, key }) => {
    return kind === "webserver" && (before[key]?.desiredCount ?? 0) > 0;
  });
  if (dagster === null || !isAnswered) return back;
  const former = current === null ? null : (listOf(current) ?? current.dags);
  const loaded = loadedDags({ services, dags });
  // It came with the release that has failed: what runs again does not load it.
  const isUnlisted = (location: string): boolean =>
    former !== null && former[location] === undefined && loaded.includes(location);
  const results: PointerBack[] = [];
  for (const one of back) {
    const { location, version, why } = one;
    const known = dags[location];
    // What runs again has its code as the release that is current says.
    const isAsked = (current?.dags[location]?.layout ?? known?.layout) !== "mirror" && !isUnlisted(location);
    if (why !== null || version === null || known === undefined || !isAsked || context.signal.aborted)
      results.push(one);
    else {
      const timeoutSeconds = gateTimeoutSeconds + known.pollSeconds;
      const cause = await versionGate(dagster, context, { location, version, timeoutSeconds }).then(
        (gate) => gate.cause?.what ?? null,
        messageOf,
      );
      results.push({ ...one, why: cause });
    }
  }
  return results;
}

function short(version: DagsVersion): string {
  return version.slice(0, 12);
}
