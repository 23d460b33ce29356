import { inspect, isDeepStrictEqual } from "node:util";
import type { Outcome } from "../../../src/domain/journal.ts";
import type { VerdictKind } from "../../../src/domain/verdict.ts";
import { ReleaseFailed } from "../../../src/releases/result.ts";
import type { Rules } from "../../local-aws/rules.ts";
import { deployer } from "./deployer.ts";
import { wrongWith } from "./ending.ts";
import { lookAt, revisionsOf, type ServiceKey } from "./onlooker.ts";
import { recordsOf, type Records } from "./records.ts";
import { refusal } from "./refusal.ts";
import { type Kind, mend, newHost, rolled, type Situation, situation } from "./situations.ts";
import { type OutsideCall, plainWire, type Wire } from "./wire.ts";
import type { RuntimeTask } from "../../local-aws/runtime.ts";
import type { Behaviour } from "../../local-aws/runtimes/scripted.ts";

/** Something that goes wrong, and what must be true after it. */
export interface Row {
  readonly what: string;
  readonly where: readonly Kind[];
  readonly given?: (situation: Situation) => void;
  /** The way out of the process. */
  readonly wire?: () => Wire;
  /** Services that the record of the outcome names, in this order. */
  readonly moved: (kind: Kind) => readonly ServiceKey[];
  /** How the last of them ended; those before it succeeded. */
  readonly verdict: VerdictKind;
  /** What the record gives as the cause. */
  readonly cause: string;
  readonly outcome: "taken-back" | "failed";
  /** The first thing that is said. */
  readonly says: RegExp;
  /** The new code was called healthy, and died when the old one was gone: for a while there was none. */
  readonly away?: true;
}

export const kinds: readonly Kind[] = ["a first release", "a change of code", "a change of the host", "a rollback"];
const codeMoves: readonly Kind[] = ["a first release", "a change of code", "a rollback"];
const hostMoves: readonly Kind[] = ["a first release", "a change of the host", "a rollback"];
const migrates: readonly Kind[] = ["a first release", "a change of code"];

function upTo(key: ServiceKey): Row["moved"] {
  return (kind) => rolled[kind].slice(0, rolled[kind].indexOf(key) + 1);
}
const nothing: Row["moved"] = () => [];
const everything: Row["moved"] = (kind) => rolled[kind];

const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
const crash = [{ text: "Traceback" }, { text: "KeyError: 'DATABASE'" }];

function newTasks(key: ServiceKey, behaviour: Behaviour): NonNullable<Row["given"]> {
  return ({ account, isNew }) => account.runtime.script(isNew(key), behaviour);
}

function bad(key: ServiceKey): readonly Row[] {
  const where = key === "code" ? codeMoves : hostMoves;
  const common = { where, moved: upTo(key), verdict: "rolled-back", outcome: "taken-back" } as const;
  return [
    {
      ...common,
      what: `${key} crashes at once`,
      given: newTasks(key, {
        kind: "exits",
        code: 3,
        startsAfterSeconds: 1,
        healthyAfterSeconds: 5,
        afterSeconds: 1,
        log: crash,
      }),
      cause: "container-exited",
      says: RegExp(`^Tasks of small-${key}:\\d+ failed [23] times: container ${key} exited with code 3\\.`),
    },
    {
      ...common,
      what: `${key} crashes after a while`,
      given: newTasks(key, {
        kind: "exits",
        code: 1,
        startsAfterSeconds: 1,
        healthyAfterSeconds: 60,
        afterSeconds: 25,
        log: crash,
      }),
      cause: "container-exited",
      says: RegExp(`^Tasks of small-${key}:\\d+ failed [23] times: container ${key} exited with code 1\\.`),
    },
    {
      ...common,
      what: `${key} never starts for want of its image`,
      given: newTasks(key, { kind: "never-starts", reason: "CannotPullContainerError: small/code: not found" }),
      cause: "image-not-pulled",
      says: RegExp(`^Tasks of small-${key}:\\d+ failed 2 times: the image does not exist in the registry\\.`),
    },
    {
      ...common,
      what: `${key} never starts for want of a secret`,
      given: newTasks(key, {
        kind: "never-starts",
        reason: "ResourceInitializationError: unable to pull secrets or registry auth",
      }),
      cause: "secret-not-read",
      says: RegExp(`^Tasks of small-${key}:\\d+ failed 3 times: a secret of its definition cannot be read\\.`),
    },
    {
      ...common,
      what: `${key} never passes its health check`,
      given: newTasks(key, { kind: "unhealthy", startsAfterSeconds: 1 }),
      cause: "health-check-failed",
      says: RegExp(`^Tasks of small-${key}:\\d+ failed 3 times: the health check of container ${key} does not pass\\.`),
    },
  ];
}

function migration(behaviour: Behaviour): NonNullable<Row["given"]> {
  return ({ account }) => account.runtime.script(isOf("small-once-"), behaviour);
}
function runs(behaviour: Behaviour): NonNullable<Row["given"]> {
  return ({ account }) => account.runtime.script(isOf("small-run-"), behaviour);
}

function isOf(prefix: string): (task: RuntimeTask) => boolean {
  return ({ definition }) => definition.family?.startsWith(prefix) === true;
}

function deny(operation: string): NonNullable<Row["given"]> {
  return ({ account }) =>
    void account.aws.faults.inject({ on: `ecs:${operation}`, caller: "deploy", what: { kind: "access-denied" } });
}

/** From the first call on that is so, these calls are refused. */
export function refuseFrom(
  first: (call: OutsideCall) => boolean,
  these: (call: OutsideCall) => boolean,
  error: () => Error,
): Wire {
  let begun = false;
  return (call, effect) => {
    begun ||= first(call);
    return begun && these(call) ? Promise.reject(error()) : effect();
  };
}

/** A row in one of the situations in which it can be. */
export interface Cell extends Row {
  readonly kind: Kind;
}

export const rows: readonly Row[] = [
  ...bad("code"),
  ...bad("daemon"),
  ...bad("webserver"),
  {
    what: "code dies when it is asked",
    where: codeMoves,
    given: newTasks("code", { kind: "exits", code: 1, ...quick, afterSeconds: 2, log: crash }),
    moved: (kind) => (kind === "a first release" ? everything(kind) : upTo("code")(kind)),
    verdict: "succeeded",
    outcome: "taken-back",
    cause: "location-broken",
    says: /^Code location small does not load/,
    away: true,
  },
  {
    what: "the migration exits with 1",
    where: migrates,
    given: migration({ kind: "exits", code: 1, ...quick, afterSeconds: 1, log: crash }),
    moved: nothing,
    verdict: "failed",
    outcome: "taken-back",
    cause: "migration-failed",
    says: /^Migration application ended with exit code 1/,
  },
  {
    what: "the migration never starts",
    where: migrates,
    given: migration({ kind: "never-starts", reason: "ResourceInitializationError: unable to pull secrets" }),
    moved: nothing,
    verdict: "failed",
    outcome: "taken-back",
    cause: "migration-never-started",
    says: /^Migration application never started/,
  },
  {
    what: "the migration hangs",
    where: migrates,
    given: migration({ kind: "healthy", ...quick }),
    moved: nothing,
    verdict: "failed",
    outcome: "taken-back",
    cause: "error",
    says: /^migration application was not done after 3600 s/,
  },
  {
    what: "the location does not load",
    where: codeMoves,
    given: ({ account, sha }) => account.breakCode(sha),
    moved: (kind) => (kind === "a first release" ? everything(kind) : upTo("code")(kind)),
    verdict: "succeeded",
    outcome: "taken-back",
    cause: "location-broken",
    says: /^Code location small does not load/,
  },
  {
    what: "the canary fails",
    where: kinds,
    given: runs({ kind: "exits", code: 1, ...quick, afterSeconds: 1 }),
    moved: everything,
    verdict: "succeeded",
    outcome: "taken-back",
    cause: "canary-failed",
    says: /^The canary, job canary, ended with FAILURE/,
  },
  {
    what: "the canary never ends",
    where: kinds,
    given: runs({ kind: "healthy", ...quick }),
    moved: everything,
    verdict: "succeeded",
    outcome: "taken-back",
    cause: "canary-unfinished",
    says: /^The canary, job canary, has not succeeded after 600 s/,
  },
  {
    what: "UpdateService is denied",
    where: kinds,
    given: deny("UpdateService"),
    moved: nothing,
    verdict: "failed",
    outcome: "taken-back",
    cause: "error",
    says: /^deploy may not do ecs:UpdateService/,
  },
  {
    what: "RegisterTaskDefinition is denied",
    where: ["a first release", "a change of code", "a change of the host"],
    given: deny("RegisterTaskDefinition"),
    moved: nothing,
    verdict: "failed",
    outcome: "taken-back",
    cause: "error",
    says: /^deploy may not do ecs:RegisterTaskDefinition/,
  },
  {
    what: "RunTask is denied",
    where: migrates,
    given: deny("RunTask"),
    moved: nothing,
    verdict: "failed",
    outcome: "taken-back",
    cause: "error",
    says: /^deploy may not do ecs:RunTask/,
  },
  {
    what: "the canary fails, and taking back is denied",
    where: kinds,
    given: runs({ kind: "exits", code: 1, ...quick, afterSeconds: 1 }),
    wire: () =>
      refuseFrom(
        ({ operation }) => operation === "LaunchRun",
        ({ operation }) => operation === "UpdateService",
        () => refusal("AccessDeniedException", 400, "User: deploy is not authorized to perform: ecs:UpdateService"),
      ),
    moved: everything,
    verdict: "succeeded",
    outcome: "failed",
    cause: "canary-failed",
    says: /^The canary, job canary, ended with FAILURE/,
  },
];

export const cells: readonly Cell[] = rows.flatMap((row) => row.where.map((kind) => ({ ...row, kind })));

/** How it ended. */
export interface Ended {
  readonly error: Error | null;
  readonly records: Records;
  readonly outcome: Outcome | null;
  /** What is wrong with the stack when all is over. */
  readonly wrong: readonly string[];
  /** Moments at which neither what ran before was there, nor what is new unless ECS took that back. */
  readonly gone: readonly string[];
  /** What was said while it went on. */
  readonly lines: readonly string[];
  readonly before: Situation["before"];
  readonly after: Situation["before"];
  /** What is wrong after the next commit was released, by somebody else and without mishap. */
  readonly wrongInTheEnd: readonly string[];
}

/** @param rules those of the bed that are not the usual ones */
export async function play(
  { given, wire }: Pick<Row, "given" | "wire">,
  kind: Kind,
  rules: Partial<Rules> = {},
): Promise<Ended> {
  const there = await situation(kind, rules);
  const { account, before } = there;
  const { clock } = account;
  try {
    given?.(there);
    const onlookers = neverGone.map((key) => ({ key, onlooker: lookAt(account, key) }));
    const who = deployer(account, { wire: wire?.() ?? plainWire });
    const error = await clock.run(errorOf(there.act(who)));
    await clock.pass(60_000);
    for (const { onlooker } of onlookers) onlooker.stop();
    const records = recordsOf(account);
    const id = records.begun.at(-1);
    const outcome = id === undefined ? null : records.outcome(id);
    const after = await revisionsOf(account);
    const gone = onlookers.flatMap(({ key, onlooker }) => {
      const old = before[key];
      if (old === null) return [];
      const made = outcome?.release.taskDefinitions[`service/${key}`] ?? after[key];
      const isBad = outcome?.services.some(({ service, verdict }) => service === key && verdict === "rolled-back");
      return onlooker.gaps(made === null || isBad === true ? [old] : [old, made]);
    });
    const wrong = await wrongWith(account);
    const lines = who.progress.flatMap((event) => (event.kind === "line" ? [event.text] : []));
    const wrongInTheEnd = await releaseNext(there);
    return { error, records, outcome, wrong, gone, lines, before, after, wrongInTheEnd };
  } finally {
    await account.close();
  }
}

/** What is not as the table says. */
export function wrongWithEnding(cell: Cell, ended: Ended): readonly string[] {
  const { error, outcome, before, after, wrong, gone, records, wrongInTheEnd } = ended;
  const { cause, says, verdict } = cell;
  const moved = cell.moved(cell.kind);
  const message = error?.message ?? "nothing";
  const isBack = cell.outcome === "taken-back";
  const services = moved.map((service, at) => ({
    service,
    verdict: at === moved.length - 1 ? verdict : "succeeded",
    takenBack: isBack,
  }));
  const recorded = outcome?.services.map(({ service, verdict: how, takenBack }) => ({
    service,
    verdict: how,
    takenBack,
  }));
  const names = (service: ServiceKey): boolean =>
    isBack
      ? RegExp(`^Taken back: .*\\b${service}\\b`, "m").test(message)
      : RegExp(`^Not taken back: ${service}: `, "m").test(message);
  return [
    ...differing("says", says.test(message) ? String(says) : message, String(says)),
    // With nothing done there is nothing more to tell than the error itself.
    ...differing("is told", error instanceof ReleaseFailed || (error !== null && moved.length === 0), true),
    ...differing("ends", { outcome: outcome?.outcome, cause: outcome?.cause }, { outcome: cell.outcome, cause }),
    ...differing("records", recorded, services),
    ...differing("names", moved.filter(names), moved),
    ...wrongWithMigrations(ended),
    ...(cell.away === undefined ? gone.map((moment) => `nobody serves: ${moment}`) : []),
    ...(isBack
      ? [...wrong, ...differing("runs", after, before)]
      : differing(
          "leaves the lock",
          { holder: records.lock?.holder, open: records.lock?.open },
          { holder: null, open: [outcome?.release.id] },
        )),
    ...wrongInTheEnd.map((one) => `after the next release: ${one}`),
  ];
}

/** A migration that has run stays, and that is said: in the summary and in the error. */
function wrongWithMigrations({ error, outcome }: Ended): readonly string[] {
  if (!(error instanceof ReleaseFailed)) return [];
  const migrated = Object.values(outcome?.release.migrations ?? {}).some(({ state }) => state !== "none");
  const { markdown } = error.result.summary;
  return [
    ...differing("says in the summary", markdown.includes("Migration `application` has run, and **stays**"), migrated),
    ...differing("says at the end", error.message.includes("as migrations never are: application."), migrated),
  ];
}

function differing(what: string, is: unknown, should: unknown): readonly string[] {
  return isDeepStrictEqual(is, should) ? [] : [`${what} ${inspect(is)}, not ${inspect(should)}`];
}

/** The daemon stops before it starts: it is gone in between, as it should be. */
const neverGone = ["code", "webserver"] as const;

/** The next commit, by another run, when every lease is over. @returns what is wrong then */
async function releaseNext({ account }: Situation): Promise<readonly string[]> {
  const { clock } = account;
  mend(account);
  await clock.pass(20 * 60_000);
  await account.commit({ ...newHost, "app/main.py": "VERSION = 9\n" });
  const failed = await clock.run(errorOf(deployer(account, { run: 2 }).deploy()));
  await clock.pass(60_000);
  return [...(failed === null ? [] : [failed.message]), ...(await wrongWith(account))];
}

function errorOf(work: Promise<unknown>): Promise<Error | null> {
  return work.then(
    () => null,
    (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))),
  );
}
