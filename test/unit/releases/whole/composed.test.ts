import { newCode, newHost } from "../../../releases/played/situations.ts";
import { type Deed, deedOf, type Job, type Way } from "./deeds.ts";

interface Expected {
  readonly name: string;
  readonly ends: Deed["outcome"];
}

const ways: readonly Way[] = ["by four, the release passed on", "by four, the release left empty"];

const crash = { kind: "exits", code: 3, startsAfterSeconds: 1, healthyAfterSeconds: 60, afterSeconds: 1 } as const;
const fails = { kind: "exits", code: 1, startsAfterSeconds: 1, afterSeconds: 1 } as const;

const jobs: readonly (Job & Expected)[] = [
  { name: "a first release", commits: [{}], ends: "committed" },
  { name: "a change of code", commits: [{}, newCode], ends: "committed" },
  { name: "a change of the host", commits: [{}, newHost], ends: "committed" },
  { name: "a change of both", commits: [{}, { ...newCode, ...newHost }], ends: "committed" },
  { name: "a part of a change", commits: [{}, { ...newCode, ...newHost }], only: ["code"], ends: "committed" },
  { name: "no change", commits: [{}, { "README.md": "# Small\n" }], ends: null },
  { name: "the same commit again", commits: [{}, {}], ends: null },
  {
    name: "code that crashes",
    commits: [{}, newCode],
    given: ({ runtime }) =>
      runtime.script(({ definition }) => definition.family === "small-code" && definition.revision === 3, crash),
    ends: "taken-back",
  },
  {
    name: "a first release whose webserver crashes",
    commits: [{}],
    given: ({ runtime }) => runtime.script("small-webserver:2", crash),
    ends: "taken-back",
  },
  {
    name: "a migration that fails",
    commits: [{}, newCode],
    given: ({ runtime }) => runtime.script("small-once-code:2", fails),
    ends: "taken-back",
  },
  {
    name: "a canary that fails",
    commits: [{}, { ...newCode, ...newHost }],
    given: ({ runtime }) => runtime.script("small-run-small:2", fails),
    ends: "taken-back",
  },
];

describe.each(jobs)("$name", (job) => {
  test.each(ways)("%s: the same writes as by one", async (way) => {
    const one = await deedOf(job, "by one");
    expect({ ends: one.outcome, wrong: one.wrong }).toEqual({ ends: job.ends, wrong: [] });
    expect(await deedOf(job, way)).toEqual(one);
  });
});
