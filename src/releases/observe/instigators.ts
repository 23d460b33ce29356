import { type Dagster, DagsterUnreachable } from "../../dagster/client.ts";
import { WayBroken } from "../../dagster/way.ts";
import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import type { Instigator } from "../../domain/instigators.ts";
import { readState, type StateAnswer } from "../../gates/state/read.ts";
import { type History, locationsBeforeUnfinished } from "../history.ts";
import type { DueSchedule, NotedInstigators } from "../observation.ts";

/** So long a webserver that does not answer is asked again, in milliseconds: a plan may be made where nobody reaches it. */
const patience = 10_000;
const pause = 1_000;

/**
 * Schedules and sensors as they are; but where a release was cut or has failed, as they were before it. What cannot be asked keeps
 * no release from going on: it may be what mends the webserver.
 * @param dagster null: there is nobody to ask
 */
export async function noteInstigators(
  dagster: Dagster | null,
  context: Context,
  history: Pick<History, "unfinished">,
): Promise<NotedInstigators> {
  const former = locationsBeforeUnfinished(history);
  const known = { locations: former.instigators, jobs: former.jobs };
  if (dagster === null) return { ...known, unknown: null };
  const seen = await ask(dagster, context);
  if (typeof seen === "string") return { ...known, unknown: seen };
  const locations = { ...noted(seen, ({ instigators }) => instigators.map(kept)), ...former.instigators };
  const jobs = { ...noted(seen, (loaded) => loaded.jobs), ...former.jobs };
  const broken = [...seen].flatMap(([name, { kind }]) =>
    kind === "waiting" && !Object.hasOwn(locations, name) ? [name] : [],
  );
  return {
    locations,
    jobs,
    due: dueOf(seen),
    unknown: broken.length === 0 ? null : `${broken.join(", ")}: not loaded, so that nobody sees what they have`,
  };
}

/** @returns why nothing was learned, or what was */
async function ask(dagster: Dagster, { clock, signal }: Context): Promise<ReadonlyMap<string, StateAnswer> | string> {
  const since = clock.now();
  for (;;) {
    try {
      return await readState(dagster);
    } catch (error) {
      // No gate would be answered either: better said before anything moves.
      if (error instanceof WayBroken) throw error;
      if (error instanceof UserError) return error.what;
      if (!(error instanceof DagsterUnreachable)) throw error;
      if (clock.now() - since >= patience) return error.message;
    }
    await clock.sleep(pause, signal);
  }
}

function dueOf(seen: ReadonlyMap<string, StateAnswer>): readonly DueSchedule[] {
  return [...seen].flatMap(([location, answer]) =>
    answer.kind === "waiting"
      ? []
      : answer.instigators.flatMap(({ name, status, cron }) =>
          cron === undefined || status !== "RUNNING" ? [] : [{ location, name, cron }],
        ),
  );
}

function noted<T>(
  seen: ReadonlyMap<string, StateAnswer>,
  of: (loaded: Extract<StateAnswer, { kind: "loaded" }>) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(
    [...seen].flatMap(([name, answer]) => (answer.kind === "waiting" ? [] : [[name, of(answer)] as const])),
  );
}

/** Without what is of no use once it has changed. */
function kept({ kind, repository, name, status, byHand, cursor }: Instigator): Instigator {
  return { kind, repository, name, status, byHand, cursor };
}
