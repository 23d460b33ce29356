import { type Instigator, keptCursor } from "../../../../src/domain/instigators.ts";
import { compareInstigators, isLoss, type SeenInstigator } from "../../../../src/gates/state/compare.ts";
import { explainDifference } from "../../../../src/gates/state/explain.ts";

type Change = Partial<SeenInstigator>;

const seen = (name: string, change: Change = {}): SeenInstigator => ({
  kind: "schedule",
  repository: "__repository__",
  name,
  status: "STOPPED",
  byHand: false,
  cursor: null,
  id: `id of ${name}`,
  defaultStatus: "STOPPED",
  ...change,
});
const sensor = (name: string, change: Change = {}): SeenInstigator => seen(name, { kind: "sensor", ...change });
const on: Change = { status: "RUNNING", byHand: true };
const cursor = (text: string): Change => ({ cursor: keptCursor(text) });

const explained = (
  before: readonly Instigator[],
  now: readonly SeenInstigator[],
): readonly (readonly [string, boolean])[] =>
  compareInstigators(before, now).map((one) => [explainDifference(one), isLoss(one)]);

describe("What is not as it was, and whether that is a loss", () => {
  test.each<[string, readonly Instigator[], readonly SeenInstigator[], readonly (readonly [string, boolean])[]]>([
    ["the same is no difference", [seen("a", on)], [seen("a", on)], []],
    ["what is new is no difference", [], [seen("a", on)], []],
    [
      "a schedule that was turned on and is gone",
      [seen("a", on)],
      [],
      [["schedule a (RUNNING by hand) is gone", true]],
    ],
    [
      "one that is on by its code and is gone",
      [seen("a", { status: "RUNNING" })],
      [],
      [["schedule a (RUNNING) is gone", true]],
    ],
    [
      "one that was turned off by hand and is gone",
      [seen("a", { byHand: true })],
      [],
      [["schedule a (STOPPED by hand) is gone", true]],
    ],
    ["one that nobody has touched and is gone", [seen("a")], [], [["schedule a (STOPPED) is gone", false]]],
    [
      "a sensor that is off, with a cursor, and is gone",
      [sensor("a", cursor("7"))],
      [],
      [["sensor a (STOPPED, with a cursor) is gone", true]],
    ],
    [
      "a name that is near is probably the new one",
      [seen("nightly_load", on), seen("other", on)],
      [seen("nightly_loads"), seen("wholly_different")],
      [
        ["schedule nightly_load (RUNNING by hand) is gone; probably renamed: schedule nightly_loads is new", true],
        ["schedule other (RUNNING by hand) is gone", true],
      ],
    ],
    [
      "the only one that came is probably the only one that went",
      [seen("nightly", on), seen("stays")],
      [seen("each_evening"), seen("stays"), sensor("watch")],
      [["schedule nightly (RUNNING by hand) is gone; probably renamed: schedule each_evening is new", true]],
    ],
    [
      "a sensor is not what a schedule is called now",
      [seen("nightly", on)],
      [sensor("nightly")],
      [["schedule nightly (RUNNING by hand) is gone", true]],
    ],
    [
      "another repository is another key",
      [seen("nightly", on)],
      [seen("nightly", { repository: "etl" })],
      [["schedule nightly (RUNNING by hand) is gone; probably moved: schedule nightly is new in repository etl", true]],
    ],
    [
      "a status by hand that is gone",
      [seen("a", on)],
      [seen("a")],
      [["schedule a was RUNNING by hand, and is STOPPED: what was made of it is gone", true]],
    ],
    [
      "a status by hand that is gone, and that the code has as well",
      [seen("a", on)],
      [seen("a", { status: "RUNNING" })],
      [],
    ],
    [
      "a cursor that is gone, of a sensor that is on",
      [sensor("a", { ...on, ...cursor("7") })],
      [sensor("a", on)],
      [["sensor a was RUNNING by hand, with a cursor, and is RUNNING by hand: what was made of it is gone", true]],
    ],
    [
      "a cursor that has moved, of a sensor that is on",
      [sensor("a", { ...on, ...cursor("7") })],
      [sensor("a", { ...on, ...cursor("8") })],
      [],
    ],
    [
      "a cursor that has moved, of a sensor that is off",
      [sensor("a", cursor("7"))],
      [sensor("a", cursor("8"))],
      [["sensor a has another cursor", false]],
    ],
    [
      "one that somebody has turned off meanwhile",
      [seen("a", on)],
      [seen("a", { byHand: true })],
      [["schedule a was RUNNING by hand, and is STOPPED by hand", false]],
    ],
    [
      "one that somebody has turned on meanwhile",
      [seen("a")],
      [seen("a", on)],
      [["schedule a was STOPPED, and is RUNNING by hand", false]],
    ],
    [
      "another default in the code",
      [seen("a", { status: "RUNNING" })],
      [seen("a")],
      [["schedule a was RUNNING, and is STOPPED: its default in the code has changed", false]],
    ],
    [
      "a name that is no word is quoted",
      [seen("a\n::error::b", on)],
      [],
      [['schedule "a\\n::error::b" (RUNNING by hand) is gone', true]],
    ],
  ])("%s", (_, before, now, expected) => {
    expect(explained(before, now)).toEqual(expected);
  });
});

describe("Of a cursor is kept", () => {
  test.each<[string, string, boolean]>([
    ["a short one", "2026-11-21", true],
    ["none that is longer than a record should be", "x".repeat(4001), false],
    ["none that looks like a secret", "postgresql://app:hunter2@db/app", false],
  ])("%s", (_, text, isKept) => {
    expect(keptCursor(text).text).toBe(isKept ? text : null);
  });

  test("what tells it from any other", () => {
    expect(keptCursor("x".repeat(5000)).hash).not.toBe(keptCursor("x".repeat(5001)).hash);
  });
});
