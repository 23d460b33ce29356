import type { Outcome } from "../../../src/domain/journal.ts";
import { canonicalJson } from "../../../src/domain/json.ts";
import type { Release } from "../../../src/domain/release.ts";
import type { Step } from "../../runner/run-step.ts";
import { recordsOf } from "../played/records.ts";
import type { ProcessAccount } from "./account.ts";

/** Something that is released, and how it ends when nothing befalls it, or when it is run again after something has. */
export interface Scenario {
  readonly name: string;
  /** It needs an account to which nothing was released yet. */
  readonly onNothing: boolean;
  readonly ends: "well" | "badly";
  /** About as many as it makes when nothing befalls it. */
  readonly calls: number;
  /** Everything before. */
  readonly prepare: (account: ProcessAccount) => Promise<Prepared>;
}

export interface Prepared {
  /** Of the job. */
  readonly steps: readonly Step[];
  /** What of the release that is current in the end is not as it should be. */
  readonly wrong: (current: Outcome | null) => readonly string[];
}

const whole: readonly Step[] = [{ action: "." }];
const inParts: readonly Step[] = ["build-push-image", "run-migrations", "register-task-def", "deploy-service"].map(
  (name) => ({ action: `actions/${name}` }),
);

export const scenarios: readonly Scenario[] = [
  {
    name: "a change of code",
    onNothing: false,
    ends: "well",
    calls: 70,
    prepare: (account) => newCode(account, whole),
  },
  {
    name: "a change of code, in four actions",
    onNothing: false,
    ends: "well",
    calls: 140,
    prepare: (a) => newCode(a, inParts),
  },
  { name: "a rollback", onNothing: false, ends: "well", calls: 45, prepare: rollback },
  { name: "a release that fails", onNothing: false, ends: "badly", calls: 90, prepare: failing },
  { name: "a first release", onNothing: true, ends: "well", calls: 110, prepare: (account) => newCode(account, whole) },
  {
    name: "a first release, in four actions",
    onNothing: true,
    ends: "well",
    calls: 170,
    prepare: (a) => newCode(a, inParts),
  },
];

let versions = 1;

async function newCode({ checkout }: ProcessAccount, steps: readonly Step[]): Promise<Prepared> {
  versions += 1;
  await checkout.write("app/main.py", `VERSION = ${versions}\n`);
  const sha = checkout.commit(`Version ${versions}`);
  const wrong: Prepared["wrong"] = (current) =>
    current?.release.source.sha === sha ? [] : [`${current?.release.id ?? "nothing"} is current instead of ${sha}`];
  return { steps, wrong };
}

async function rollback(account: ProcessAccount): Promise<Prepared> {
  const records = recordsOf(await account.rest());
  const to = records.current?.previous ?? null;
  const target = to === null ? null : records.outcome(to);
  if (to === null || target === null) throw new Error("there is no release to go back to");
  const wrong: Prepared["wrong"] = (current) =>
    current !== null && runsAs(current.release) === runsAs(target.release)
      ? []
      : [`what is current is not as ${to} was`];
  return { steps: [{ action: ".", with: { command: "rollback", to } }], wrong };
}

/** What of a release runs; migrations stay where the newest has brought them. */
function runsAs({ images, taskDefinitions }: Release): string {
  const running = Object.entries(taskDefinitions).filter(([definition]) => !definition.startsWith("once/"));
  return canonicalJson({ images, taskDefinitions: Object.fromEntries(running) });
}

/** New code servers end as soon as they are started; those that run now may be started again. */
async function failing(account: ProcessAccount): Promise<Prepared> {
  const records = recordsOf(await account.rest());
  const before = records.current?.release ?? null;
  const good = before === null ? 0 : (records.outcome(before)?.release.taskDefinitions["service/code"]?.revision ?? 0);
  const { steps } = await newCode(account, whole);
  account.breaks = ({ definition: { family = "", revision = 0 } }) => family === "small-code" && revision > good;
  const wrong: Prepared["wrong"] = (current) =>
    current?.release.id === before ? [] : [`${current?.release.id ?? "nothing"} is current instead of ${before}`];
  return { steps, wrong };
}
