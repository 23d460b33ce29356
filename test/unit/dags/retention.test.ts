import { planRetention } from "../../../src/dags/retention/plan.ts";
import type { DagsPointer, DagsVersion } from "../../../src/domain/dags.ts";
import { instant, type Sha } from "../../../src/domain/identifiers.ts";

const day = 86_400_000;
const now = 100 * day;
const version = (digit: string): DagsVersion => digit.repeat(40) as DagsVersion;

/** @param until by digit: days ago at which the version went */
function pointerAt(
  current: string,
  previous: string | null,
  until: Readonly<Record<string, number>> | null,
): DagsPointer {
  return {
    schema: 1,
    version: version(current),
    previous: previous === null ? null : version(previous),
    source: { repository: "shop/pipelines", sha: "a".repeat(40) as Sha },
    run: null,
    at: instant(now),
    ...(until === null
      ? {}
      : {
          until: Object.fromEntries(
            Object.entries(until).map(([digit, days]) => [version(digit), instant(now - days * day)]),
          ),
        }),
  };
}

interface World {
  readonly named?: readonly string[];
  readonly oldestRunDays?: number;
  readonly keep?: number;
}

/** All five were published a hundred days ago. */
function removed(pointer: DagsPointer, { named = [], oldestRunDays, keep = 1 }: World = {}): string {
  const removes = planRetention(
    {
      pointer,
      published: ["1", "2", "3", "4", "5"].map((digit) => ({ version: version(digit), at: 0 })),
      named: new Set(named.map(version)),
      oldestRunAt: oldestRunDays === undefined ? null : now - oldestRunDays * day,
    },
    { keep, keepDays: 7 },
    now,
  );
  return removes
    .map((name) => name[0] ?? "")
    .toSorted((a, b) => a.localeCompare(b))
    .join("");
}

const gone = { "4": 1, "3": 10, "2": 20, "1": 30 };

test.each<[string, DagsPointer, World, string]>([
  ["those that were served last are kept, as many as are wanted", pointerAt("5", "4", gone), { keep: 2 }, "12"],
  ["one that went lately is kept, however many there are", pointerAt("5", "4", { ...gone, "3": 6 }), {}, "12"],
  ["the one of before is kept, although it went long ago", pointerAt("5", "1", gone), {}, "23"],
  ["the one that is served is kept, although it went once", pointerAt("2", "4", gone), {}, "135"],
  ["what a release or a process names is kept", pointerAt("5", "4", gone), { named: ["2"] }, "13"],
  [
    "what was served when a run was made that still waits is kept",
    pointerAt("5", "4", gone),
    { oldestRunDays: 15 },
    "12",
  ],
  ["and what went within the hour before", pointerAt("5", "4", gone), { oldestRunDays: 20 - 0.03 }, "1"],
  ["of what nobody has noted, it is known that it went before all others", pointerAt("5", "4", { "4": 6 }), {}, ""],
  ["so it goes when the oldest note is old enough", pointerAt("5", "4", { "4": 8 }), {}, "123"],
  ["a pointer without notes lets nothing go", pointerAt("5", "4", null), {}, ""],
])("%s", (_, pointer, world, expected) => {
  expect(removed(pointer, world)).toBe(expected);
});
