import { canOnlyRepeat, comparable, wordsToRead } from "../../../src/deployments/repeated-failure.ts";
import type { StoppedTask } from "../../../src/deployments/stopped-tasks/read.ts";
import type { Track } from "../../../src/deployments/track.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { begun, start } from "./observations.ts";

const exits = (id: string, seconds: number, exitCode = 1): StoppedTask => ({
  id,
  isOver: true,
  at: start + seconds * 1000,
  lived: 2_000,
  code: "EssentialContainerExited",
  reason: untrusted("Essential container in task exited"),
  containers: [{ name: "app", exitCode, reason: untrusted(""), unhealthy: false }],
});

const neverStarts = (id: string, reason: string): StoppedTask => ({
  ...exits(id, 60),
  lived: 0,
  code: "TaskFailedToStart",
  reason: untrusted(reason),
  containers: [{ name: "app", exitCode: null, reason: untrusted(""), unhealthy: false }],
});

const missing = "CannotPullContainerError: failed to resolve ref R:T: not found";
const unreachable = "CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout";
const alike = { a: "Traceback\nKeyError: 'A'", b: "Traceback\nKeyError: 'A'" };
const refused = { a: "Connection refused", b: "Connection refused" };

const seen = (changes: Partial<Track>): Track => ({ ...begun(), ...changes });
const now = start + 120_000;
const survivor = (seconds: number, isHealthy = false) => ({ startedAt: now - seconds * 1000, isHealthy });

const rows: readonly (readonly [text: string, track: Partial<Track>, ends: boolean])[] = [
  ["one image that is missing", { stopped: [neverStarts("a", missing)] }, false],
  ["an image that is missing twice", { stopped: [neverStarts("a", missing), neverStarts("b", missing)] }, true],
  [
    "an image that is missing, and then a way that is",
    { stopped: [neverStarts("a", missing), neverStarts("b", unreachable)] },
    false,
  ],
  [
    "a registry that is out of reach twice",
    { stopped: [neverStarts("a", unreachable), neverStarts("b", unreachable)] },
    false,
  ],
  [
    "a missing image, and a task that has started all the same",
    { stopped: [neverStarts("a", missing), neverStarts("b", missing)], survivor: survivor(1) },
    false,
  ],
  ["two exits after the same words", { stopped: [exits("a", 10), exits("b", 40)], lastWords: alike }, true],
  ["two exits after words that nobody has read", { stopped: [exits("a", 10), exits("b", 40)] }, false],
  [
    "two exits after other words",
    { stopped: [exits("a", 10), exits("b", 40)], lastWords: { ...alike, b: "Killed" } },
    false,
  ],
  ["two exits with different codes", { stopped: [exits("a", 10), exits("b", 40, 2)], lastWords: alike }, false],
  ["two exits at once", { stopped: [exits("a", 10), exits("b", 11)], lastWords: alike }, false],
  [
    "two exits after words of something that passes",
    { stopped: [exits("a", 10), exits("b", 40)], lastWords: refused },
    false,
  ],
  [
    "two exits, and a task that has just begun",
    { stopped: [exits("a", 10), exits("b", 40)], lastWords: alike, survivor: survivor(1) },
    true,
  ],
  [
    "two exits, and a task that lives longer",
    { stopped: [exits("a", 10), exits("b", 40)], lastWords: alike, survivor: survivor(9) },
    false,
  ],
  [
    "two exits, and a task that is healthy",
    { stopped: [exits("a", 10), exits("b", 40)], lastWords: alike, survivor: survivor(1, true) },
    false,
  ],
];

describe("May only repeat:", () => {
  test.each(rows)("%s", (_, track, ends) => {
    expect(canOnlyRepeat(seen(track), now)).toBe(ends);
  });
});

describe("Last words are read", () => {
  const stopped = [exits("a", 10), exits("b", 40)];
  const ids = (track: Partial<Track>): readonly string[] => wordsToRead(seen(track)).map(({ id }) => id);

  test("of two tasks that exited alike, and of nothing else", () => {
    expect(ids({ stopped })).toEqual(["a", "b"]);
    expect(ids({ stopped: [exits("a", 10)] })).toEqual([]);
    expect(ids({ stopped: [exits("a", 10), exits("b", 40, 2)] })).toEqual([]);
    expect(ids({ stopped: [neverStarts("a", missing), neverStarts("b", missing)] })).toEqual([]);
  });

  test("again of the last one while they differ: its log may still be coming in", () => {
    expect(ids({ stopped, lastWords: { ...alike, b: "Traceback" } })).toEqual(["b"]);
    expect(ids({ stopped, lastWords: alike })).toEqual([]);
  });
});

test("Words are compared without what differs each time", () => {
  const line = (time: string, id: string) => `${time} ERROR run ${id} at 0x7f3a KeyError: 'A'`;
  const first = comparable(line("10:00:01", "0f8fad5b-d9cb-469f-a165-70867728950e"));
  expect(first).toBe(comparable(line("11:22:33", "7c9e6679-7425-40de-944b-e07fc1f90ae7")));
  expect(first).toContain("KeyError: 'A'");
});

test.each([
  ["a count that grows", "applied 3 of 10 batches", "applied 6 of 10 batches", false],
  ["an exit status", "exit status 1", "exit status 2", false],
  ["a version", "expects schema 12", "expects schema 13", false],
  ["times", "2026-11-23 10:00:01,123 failed", "2026-11-24 11:12:13,456 failed", true],
  ["addresses", "connect 10.0.1.17:41234", "connect 10.0.2.9:39876", true],
  ["host names of tasks", "on ip-10-0-1-17.internal", "on ip-10-0-2-9.internal", true],
  ["processes", "[7] worker (pid: 12345) died", "[8] worker (pid: 12399) died", true],
  ["durations", "gave up after 3.25 s", "gave up after 3.31 s", true],
])("%s: are two starts alike?", (_, one, other, alike) => {
  expect(comparable(one) === comparable(other)).toBe(alike);
});
