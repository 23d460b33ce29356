import { untrusted } from "../../../../src/domain/evidence.ts";
import type { CodeChangeWithState } from "../../../../src/releases/dagster-definitions/compared.ts";
import { wordsOfDefinitions } from "../../../../src/releases/dagster-definitions/explain.ts";

const change = (more: Partial<CodeChangeWithState>): CodeChangeWithState => ({
  change: "removed",
  kind: "schedule",
  repository: "__repository__",
  name: "nightly",
  former: null,
  members: [],
  touches: null,
  ...more,
});

test("in a log each change that touches what people have made has a line, and others are counted", () => {
  const changes = [
    change({ touches: { kind: "state", status: "RUNNING", byHand: true, hasCursor: false } }),
    change({ kind: "asset", name: "deals", touches: { kind: "materializations", lastAt: "2026-11-20T03:00:00.000Z" } }),
    change({ kind: "sensor", name: "inbox\u001b[31m", touches: { kind: "unknown" } }),
    change({ kind: "job", name: "load" }),
  ];
  expect(wordsOfDefinitions({ shop: { kind: "compared", changes, count: 3, onLoss: "stopped" } })).toEqual([
    "Dagster definitions of shop: 4 removed",
    "  removed schedule nightly: is on by hand, that is lost",
    "  removed asset deals: materialized, last on 2026-11-20, that stays in Dagster's database",
    "  removed sensor inbox: what people have made of it is not known",
  ]);
});

test("in a log it is said why nothing was compared, in the code's own words, and what to do", () => {
  const quoted = untrusted("KeyError: 'KEY'");
  expect(
    wordsOfDefinitions({ shop: { kind: "not-compared", why: "It does not load.", quoted, fix: "Write a file." } }),
  ).toEqual(["Dagster definitions of shop were not compared: It does not load. KeyError: 'KEY' Write a file."]);
});
