import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../../../src/domain/journal.ts";
import { canonicalJson } from "../../../src/domain/json.ts";
import { runJob } from "../../runner/run-job.ts";
import type { Step } from "../../runner/run-step.ts";
import { wrongWith } from "../played/ending.ts";
import { recordsOf } from "../played/records.ts";
import {
  bugs,
  type CutResult,
  isGood,
  lastWords,
  newRun,
  type Next,
  nexts,
  runAgain,
  strike,
} from "../processes/cuts.ts";
import { type Blow, blows, type StrikeableCall } from "../processes/striking-wire.ts";
import { serverInfo } from "./ask.ts";
import type { DagsterStack } from "./bed.ts";

/** What the older Dagster makes of an empty database, and what the newer one has beside it, in order. */
export const olderHead = "16e3655b4d9b";
export const revisions = ["6b7fb194ff9c", "7e2f3204cf8e", "f495c27d5019", "29b539ebc72a"] as const;
export const newerHead = "29b539ebc72a";

/** By the root action. */
export const whole: readonly Step[] = [{ action: "." }];

/** Releases what is checked out; from then on each revision of the instance is written down when it is applied. */
export async function releaseOlder(stack: DagsterStack): Promise<void> {
  const job = await runJob(stack.job(newRun()), whole);
  if (!isGood(job)) throw new Error(`the older Dagster was not released: ${job.steps.at(-1)?.log.join("\n") ?? ""}`);
  await stack.rows(writingDown);
}

/** From then on each revision is written down when it is applied. */
export const writingDown = `CREATE TABLE applied (number serial, revision text);
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO applied (revision) VALUES (NEW.version_num); RETURN NULL; END';
    CREATE TRIGGER write_down AFTER INSERT OR UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION write_down()`;

/** The storage of the instance, as the database says. */
export interface Schema {
  readonly heads: readonly string[];
  /** Since the older release, in order. */
  readonly applied: readonly string[];
  /** What the first of the revisions makes. */
  readonly hasIndex: boolean;
  /** What the second one makes. */
  readonly hasColumn: boolean;
}

export async function schemaOf({ rows }: Pick<DagsterStack, "rows">): Promise<Schema> {
  const first = async (sql: string): Promise<readonly string[]> => (await rows(sql)).map(([value]) => value ?? "");
  return {
    heads: await first("SELECT version_num FROM alembic_version"),
    applied: await first("SELECT revision FROM applied ORDER BY number"),
    hasIndex: (await first(validIndex)).length === 1,
    hasColumn: (await first(newColumn)).length === 1,
  };
}

const validIndex = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('idx_run_tags_run_id') AND indisvalid";
const newColumn =
  "SELECT 1 FROM information_schema.columns WHERE table_name = 'concurrency_limits' AND column_name = 'using_default_limit'";

export const migrated: Schema = { heads: [newerHead], applied: revisions, hasIndex: true, hasColumn: true };

/** When an upgrade is struck. */
export interface Moment {
  readonly name: string;
  readonly is: (call: StrikeableCall, stack: DagsterStack, midway: () => boolean) => boolean;
  /** Somebody holds the table that the second revision changes until it was struck and is run again. */
  readonly isMidway?: boolean;
}

const asks = ({ name, body }: StrikeableCall, operation: string, ...words: readonly string[]): boolean =>
  name === `ecs ${operation}` && words.every((word) => body.includes(word));

/** The most dangerous ones. */
export const moments = {
  daemonStopped: {
    name: "when the daemon is told to stop",
    is: (call, { name }) => asks(call, "UpdateService", `"${name}-daemon"`, '"desiredCount":0'),
  },
  midway: {
    name: "while Dagster's migration stands between two revisions",
    is: (call, _, isMidway) => isMidway() && asks(call, "DescribeTasks"),
    isMidway: true,
  },
  migrated: {
    name: "after Dagster's migration",
    is: (call, { name }) => asks(call, "RegisterTaskDefinition", `"${name}-run-small"`),
  },
  hostsUp: {
    name: "between hosts and code",
    is: (call, { name }) => asks(call, "UpdateService", `"${name}-code"`),
  },
} as const satisfies Readonly<Record<string, Moment>>;

export interface UpgradeCut {
  /** Or the number of a call; a shorter run is not struck. */
  readonly at: Moment | number;
  readonly blow: Blow;
  readonly next: Next;
}

export interface UpgradeResult extends CutResult {
  /** It made the call. */
  readonly isStruck: boolean;
}

/** For people. */
export function showCut({ at, blow, next }: UpgradeCut): string {
  return `an upgrade of a real Dagster, ${blow} ${typeof at === "number" ? `call ${at}` : at.name}, run again by ${next}`;
}

/** Upgrades, is struck, and runs it again. @param stack runs the older Dagster, and has the newer one checked out */
export async function cutUpgrade(
  stack: DagsterStack,
  sha: string,
  { at, blow, next }: UpgradeCut,
): Promise<UpgradeResult> {
  const gate = typeof at !== "number" && at.isMidway === true ? await closeGate(stack, blow) : null;
  const first = newRun();
  const is = typeof at === "number" ? at : (call: StrikeableCall) => at.is(call, stack, () => gate?.waiting === 1);
  const struck = await strike(stack, { at: is, blow }, whole, first);
  await sleep(1100); // a release is named by the second it was begun in
  stack.wire.attend(null);
  gate?.openWhenAgain();
  const again = await runAgain(stack, whole, { first, next }, { onLine: (line) => gate?.heard(line) });
  gate?.open();
  const wrong = [
    ...(struck.call === null && typeof at !== "number" ? ["it was not struck"] : []),
    ...(isGood(again) ? [] : [`run again, it ended so: ${lastWords(again)}`]),
    ...[...struck.jobs, again].flatMap(bugs),
    ...(await wrongAfter(stack, sha)),
  ];
  return { line: `${showCut({ at, blow, next })}: ${struck.call ?? "none"}`, wrong, isStruck: struck.call !== null };
}

/** About as many as the upgrade makes when its image is there. */
const calls = 240;

/** How it is struck: nothing that needs another time than that of Dagster's heartbeats. */
const upgradeBlows = blows.filter((blow) => blow !== "paused");
const upgradeNexts = nexts.filter((next) => next !== "another run, after the lease");

/** Every cut there is: each call once, then each in another way, and so on. @param shuffled gives the order of the calls */
export function everyUpgradeCut(
  shuffled: (calls: readonly number[]) => readonly number[],
): readonly (UpgradeCut & { readonly at: number })[] {
  return upgradeBlows.flatMap((_, round) =>
    shuffled(Array.from({ length: calls }, (_call, at) => at)).map((at) => ({
      at,
      blow: upgradeBlows[(at + round) % upgradeBlows.length] ?? "killed before",
      next:
        upgradeNexts[(Math.floor(at / upgradeBlows.length) + round) % upgradeNexts.length] ??
        "the next attempt of the run",
    })),
  );
}

interface Gate {
  /** Statements that wait for it, when it was looked at last. */
  readonly waiting: number;
  /** From now on it opens when whoever runs it again waits, too: at the gate, or for the task that was left. */
  openWhenAgain(): void;
  heard(line: string): void;
  open(): void;
}

/** Reads the table that the second revision changes, in a transaction that does not end. */
async function closeGate(stack: DagsterStack, blow: Blow): Promise<Gate> {
  // A task that was told to stop is gone soon; what it has left in the database is not.
  const words = blow === "cancelled" ? /waiting for another migration/ : /of an earlier attempt/;
  const end = await stack.hold("BEGIN; LOCK TABLE concurrency_limits IN ACCESS SHARE MODE");
  let waiting = 0;
  let isAgain = false;
  let isOpen = false;
  const open = (): void => {
    isOpen = true;
    end();
  };
  const look = async (): Promise<void> => {
    while (!isOpen) {
      const sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'concurrency_limits'::regclass";
      waiting = Number((await stack.rows(sql))[0]?.[0]);
      if (isAgain && waiting === 2) open();
      await sleep(200);
    }
  };
  look().catch(open);
  return {
    get waiting() {
      return waiting;
    },
    openWhenAgain: () => {
      isAgain = true;
    },
    heard: (line) => {
      if (isAgain && words.test(line)) open();
    },
    open,
  };
}

/** Looks until all is well: what was told to stop needs its time. */
async function wrongAfter(stack: DagsterStack, sha: string): Promise<readonly string[]> {
  for (let tries = 0; ; tries += 1) {
    const rest = await stack.rest();
    const { current, outcome } = recordsOf(rest);
    const wrong = [
      ...(await wrongWith(rest)),
      ...wrongWithRelease(current === null ? null : outcome(current.release), sha),
      ...(await wrongWithDagster(stack)),
    ];
    if (wrong.length === 0 || tries === 20) return wrong;
    await sleep(1000);
  }
}

export function wrongWithRelease(current: Outcome | null, sha: string): readonly string[] {
  const heads = current?.release.migrations["instance"]?.heads ?? null;
  return [
    ...(current?.release.source.sha === sha
      ? []
      : [`${current?.release.id ?? "nothing"} is current instead of ${sha}`]),
    ...(canonicalJson(heads) === canonicalJson([newerHead]) ? [] : [`its record has ${canonicalJson(heads)} as heads`]),
  ];
}

/** Is it migrated, each revision applied once? */
export async function wrongWithStorage(stack: Pick<DagsterStack, "rows">): Promise<readonly string[]> {
  const schema = await schemaOf(stack);
  return canonicalJson(schema) === canonicalJson(migrated) ? [] : [`its storage is ${canonicalJson(schema)}`];
}

async function wrongWithDagster(stack: DagsterStack): Promise<readonly string[]> {
  const version = await serverInfo(stack).then(
    ({ dagster_version }) => dagster_version,
    (error: unknown) => String(error),
  );
  return [
    ...(await wrongWithStorage(stack)),
    ...(version.startsWith("1.13.") ? [] : [`its webserver says ${version}`]),
  ];
}
