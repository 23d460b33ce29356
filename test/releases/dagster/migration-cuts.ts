import type { RuntimeTask } from "../../local-aws/runtime.ts";
import { reportOf, stackFile } from "../played/account.ts";
import {
  callsOf,
  cutAndRunAgain,
  type Place,
  placesOf,
  placesToCut,
  type Scenario,
  showPlace,
} from "../played/cut-everywhere.ts";
import { type Mishap, mishaps } from "../played/cut.ts";
import { deployer } from "../played/deployer.ts";
import { recordsOf } from "../played/records.ts";
import { lockOf, upgradable } from "../played/upgrade.ts";
import { showCall } from "../played/wire.ts";
import type { CutResult } from "../processes/cuts.ts";
import type { StorageBed } from "./storage-bed.ts";
import { olderHead, wrongWithRelease, wrongWithStorage } from "./upgrade.ts";

/** A release in which a real `dagster instance migrate` brings a real storage along is struck at one of its calls, and run again. */
export interface MigrationCut {
  readonly place: Place;
  readonly mishap: Mishap;
  /** The database takes its time for each revision, so that the looks at the task fall between them. */
  readonly isSlow: boolean;
}

/**
 * Every cut there is: first killed after each call, then before each that writes or looks at the task while it migrates, since before
 * any other the world is as after the call that came first; then all else that may befall it.
 */
export async function everyMigrationCut(bed: StorageBed): Promise<readonly MigrationCut[]> {
  const places = placesOf(await callsOf(await upgrade(bed, true)));
  const from = places.findIndex(({ call }) => call.operation === "RunTask" && call.about.includes(family)) + 1;
  const looks = places.slice(from, from + places.slice(from).findIndex(({ call }) => call.to === "s3"));
  const rare = placesToCut(places);
  const all = places.filter((place) => looks.includes(place) || rare.includes(place));
  const changing = all.filter((place) => looks.includes(place) || place.call.writes);
  const first: readonly Mishap[] = ["killed after", "killed before"];
  return [...first, ...mishaps.filter((one) => !first.includes(one))].flatMap((mishap) =>
    (mishap === "killed before" ? changing : all).map((place) => ({ place, mishap, isSlow: looks.includes(place) })),
  );
}

export async function cutMigration(bed: StorageBed, { place, mishap, isSlow }: MigrationCut): Promise<CutResult> {
  const { wrong, struck } = await cutAndRunAgain(await upgrade(bed, isSlow), place, mishap);
  // How often a task is looked at is up to how long Dagster takes.
  const late = struck === null || showCall(struck) === showCall(place.call) ? "" : `, which was ${showCall(struck)}`;
  return { line: `an upgrade with a real migration, ${mishap} ${showPlace(place)}${late}`, wrong };
}

/** Of the task that migrates the instance. */
const family = "small-once-host";
const isInstance = ({ definition }: RuntimeTask): boolean => definition.family === family;

/** Each revision takes a second and a half more. */
const slowly = `CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END';
  CREATE TRIGGER take_time AFTER UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION take_time()`;

/** What runs is the played account's, but for the task of Dagster's migration. */
async function upgrade(bed: StorageBed, isSlow: boolean): Promise<Scenario> {
  await bed.reset();
  if (isSlow) await bed.rows(slowly);
  let sha = "";
  return {
    name: "an upgrade of Dagster",
    account: {
      stack: upgradable(stackFile.replace(/^ {2}database: .*$/m, `  database: ${bed.database}`), "host"),
      files: { "requirements.lock": lockOf("1.9.0") },
    },
    prepare: async (account) => {
      const { clock, runtime } = account;
      runtime.script(isInstance, (task) => ({
        kind: "exits",
        startsAfterSeconds: 1,
        afterSeconds: 1,
        code: 0,
        log: reportOf(task, [olderHead]),
      }));
      await clock.run(deployer(account, { run: 100 }).deploy());
      runtime.script(isInstance, (task) => bed.task(task, clock));
      sha = await account.commit({ "requirements.lock": lockOf("1.13.0") });
      return (who) => who.deploy();
    },
    wrong: async (account) => {
      const { current, outcome } = recordsOf(account);
      return [
        ...wrongWithRelease(current === null ? null : outcome(current.release), sha),
        ...(await wrongWithStorage(bed)),
      ];
    },
    ends: "well",
  };
}
