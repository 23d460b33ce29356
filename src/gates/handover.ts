import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { daemonHealth, ticks } from "../dagster/documents.ts";
import { UserError } from "../domain/errors.ts";
import { instant } from "../domain/identifiers.ts";
import { type HandedOver, judgeHandover } from "./judge.ts";

export interface Handover {
  /** ECS's name of the service that ran the former daemon. */
  readonly from: string;
  /** When the new daemon's task was started; milliseconds since 1970. */
  readonly startedAt: number;
}

/** So far back schedules are looked at, in seconds: a handover takes minutes. */
const lookBackSeconds = 3600;

/** What happened between the former daemon and a new one that has just sent its heartbeats, in one line; or why it cannot be told. */
export async function handover(dagster: Dagster, { from, startedAt }: Handover): Promise<string> {
  const until = startedAt / 1000;
  try {
    const [{ instance }, { repositoriesOrError: known }] = [
      await dagster.ask(daemonHealth),
      await dagster.ask(ticks, { since: until - lookBackSeconds, until }),
    ];
    const heartbeats = instance.daemonHealth.allDaemonStatuses.flatMap(({ lastHeartbeatTime }) =>
      lastHeartbeatTime !== null && lastHeartbeatTime > until ? [lastHeartbeatTime] : [],
    );
    const first = heartbeats.length === 0 ? "not known any more" : moment(Math.min(...heartbeats));
    const told = "nodes" in known ? tell(judgeHandover(known.nodes, until)) : `ticks: ${known.__typename}`;
    return `handed over from ${from}: first heartbeat ${first}, ${told}`;
  } catch (error) {
    if (error instanceof DagsterUnreachable || error instanceof UserError)
      return `handed over from ${from}; what became of ticks could not be asked`;
    throw error;
  }
}

function tell({ lastTick, missed }: HandedOver): string {
  const last = lastTick === null ? "no tick before it is known" : `last tick before it ${moment(lastTick)}`;
  if (missed.length === 0) return `${last}, no schedule missed a tick`;
  return `${last}, missed: ${missed.map(({ schedule, times }) => `${schedule} (${times})`).join(", ")}`;
}

/** @param seconds since 1970 */
function moment(seconds: number): string {
  return instant(seconds * 1000);
}
