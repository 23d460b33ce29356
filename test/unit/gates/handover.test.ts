import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import type { Tick, TickedRepository, TickedSchedule } from "../../../src/dagster/documents.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { handover } from "../../../src/gates/handover.ts";
import { judgeHandover } from "../../../src/gates/judge.ts";

/** The new daemon's task, in seconds since 1970. */
const started = Date.parse("2026-11-21T10:00:00Z") / 1000;

function schedule(ticks: readonly Tick[], due: readonly number[], status = "RUNNING"): TickedSchedule {
  return {
    name: "often",
    scheduleState: { status, ticks: [...ticks] },
    futureTicks: { results: due.map((timestamp) => ({ timestamp })) },
  };
}

const at = (second: number): Tick => ({ timestamp: started + second, endTimestamp: started + second + 1 });

describe("Between two daemons", () => {
  const missed = (one: TickedSchedule): number =>
    judgeHandover([{ schedules: [one], sensors: [] }], started).missed[0]?.times ?? 0;

  test.each<[string, TickedSchedule, number]>([
    ["was due twice and did not tick", schedule([at(-180)], [started - 180, started - 120, started - 60]), 2],
    ["was not due", schedule([at(-60)], [started - 60]), 0],
    ["is due again once the new one runs", schedule([at(-60)], [started - 60, started + 60]), 0],
    [
      "was made up for by the new one",
      schedule([{ timestamp: started - 60, endTimestamp: started + 5 }], [started - 60]),
      0,
    ],
    [
      "was due three times, and the new one made up for the last",
      schedule(
        [at(-240), { timestamp: started - 60, endTimestamp: started + 5 }],
        [started - 180, started - 120, started - 60],
      ),
      2,
    ],
    [
      "was due twice, and the new one is at the last",
      schedule([at(-180), { timestamp: started - 60, endTimestamp: null }], [started - 120, started - 60]),
      1,
    ],
    ["is stopped", schedule([at(-180)], [started - 60], "STOPPED"), 0],
    ["has never ticked: since when it is on is not known", schedule([], [started - 60]), 0],
  ])("a schedule that %s has missed as many ticks", (_, one, times) => expect(missed(one)).toBe(times));

  test("the last tick of the former one is that of any schedule or sensor, but not one that was made up for", () => {
    const repositories: readonly TickedRepository[] = [
      {
        schedules: [
          schedule([at(-180), { timestamp: started - 10, endTimestamp: started + 5 }], []),
          schedule([{ timestamp: started - 5, endTimestamp: null }], []),
        ],
        sensors: [{ name: "watch", sensorState: { ticks: [at(-30)] } }],
      },
    ];
    expect(judgeHandover(repositories, started).lastTick).toBe(started - 30);
    expect(judgeHandover([], started).lastTick).toBeNull();
  });
});

describe("A handover", () => {
  const told = (answers: Readonly<Record<string, unknown>>): Promise<string> => {
    const dagster: Dagster = {
      ask: <T>(document: Document<T>) => {
        const answer = answers[document.name];
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(document.answer.parse(answer));
      },
      serverInfo: () => Promise.reject(new Error("not asked here")),
    };
    return handover(dagster, { from: "old-daemon", startedAt: started * 1000 });
  };
  const health = (...times: readonly (number | null)[]) => ({
    instance: {
      daemonHealth: {
        allDaemonStatuses: times.map((second) => ({
          daemonType: "SENSOR",
          required: true,
          healthy: true,
          lastHeartbeatTime: second === null ? null : started + second,
          lastHeartbeatErrors: [],
        })),
      },
    },
  });
  const ticks = (...schedules: readonly TickedSchedule[]) => ({
    repositoriesOrError: { __typename: "RepositoryConnection", nodes: [{ schedules, sensors: [] }] },
  });

  test("is told with the first heartbeat since the task was started, and the ticks around it", async () => {
    const one = schedule([at(-180)], [started - 60]);
    expect(await told({ DaemonHealth: health(-20, 12, 9, null), Ticks: ticks(one) })).toBe(
      "handed over from old-daemon: first heartbeat 2026-11-21T10:00:09.000Z, last tick before it 2026-11-21T09:57:00.000Z, missed: often (1)",
    );
  });

  test("without ticks says so", async () => {
    expect(await told({ DaemonHealth: health(), Ticks: ticks() })).toBe(
      "handed over from old-daemon: first heartbeat not known any more, no tick before it is known, no schedule missed a tick",
    );
  });

  test.each([new DagsterUnreachable("refused"), new UserError({ what: "refuses the query", fix: "-" })])(
    "that cannot be asked about is no failure: %s",
    async (error) => {
      expect(await told({ DaemonHealth: health(1), Ticks: error })).toBe(
        "handed over from old-daemon; what became of ticks could not be asked",
      );
    },
  );

  test("passes on what is a bug", async () => {
    await expect(told({ DaemonHealth: health(1), Ticks: new Error("a bug") })).rejects.toThrow("a bug");
  });
});
