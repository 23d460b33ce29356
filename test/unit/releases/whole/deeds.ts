import type { Sha } from "../../../../src/domain/identifiers.ts";
import type { Outcome } from "../../../../src/domain/journal.ts";
import { parseRelease, type Release, serializeRelease } from "../../../../src/domain/release.ts";
import type { Revision } from "../../../../src/domain/verdict.ts";
import { type AccountOptions, openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { whatRuns } from "../../../releases/played/services.ts";
import { type OutsideCall, showCall, type Wire } from "../../../releases/played/wire.ts";
import { actions } from "../../../releases/played/four-actions.ts";

/** What is carried out in each of these ways, each time on an account of its own. */
export interface Job {
  /** The account, with its first commit checked out; the usual one unless told. */
  readonly account?: AccountOptions;
  /** What is released before, oldest first, and last what is to be compared; the first one changes nothing of the account's. */
  readonly commits: readonly Readonly<Record<string, string>>[];
  /** What the last of them is about; the whole stack unless told. */
  readonly only?: readonly string[];
  /** What else is so, before the last of them is released: of the commit that is checked out. */
  readonly given?: (account: PlayedAccount, sha: Sha) => unknown;
}

/** By the root action, or by the four actions one after the other; the release goes from step to step, or each finds it by itself. */
export type Way = "by one" | "by four, the release passed on" | "by four, the release left empty";

/** What a job has done to everything outside of it. */
export interface Deed {
  /** Calls that write, in their order; those that may run side by side in the order of the alphabet. */
  readonly writes: readonly string[];
  /** What ECS was given with them. */
  readonly inputs: readonly string[];
  readonly error: string | null;
  readonly release: Omit<Release, "id"> | null;
  /** Null: there was nothing to do, and it is not in the records. */
  readonly outcome: Outcome["outcome"] | "open" | null;
  readonly services: Outcome["services"];
  readonly runs: Readonly<Record<string, Revision | null>>;
  readonly wrong: readonly string[];
}

export async function deedOf(job: Job, way: Way): Promise<Deed> {
  const { commits, given, only = null } = job;
  const account = await openAccount(job.account);
  try {
    let sha: Sha | null = null;
    for (const [index, files] of commits.entries()) {
      if (Object.keys(files).length > 0 || sha === null) sha = await account.commit(files);
      if (index === commits.length - 1) given?.(account, sha);
      else await account.clock.run(deployer(account, { run: index + 1 }).deploy());
      await account.clock.pass(60_000);
    }
    const calls: OutsideCall[] = [];
    const earlier = { begun: recordsOf(account).begun.length, calls: account.aws.calls.length };
    const wire: Wire = (call, effect) => {
      if (call.writes) calls.push(call);
      return effect();
    };
    const step = () => deployer(account, { run: 9, wire, wishes: { only: only === null ? null : [...only] } });
    const { result, error } = await act(account, step, way).then(
      (ended) => ({ result: ended, error: null }),
      (thrown: unknown) => ({ result: null, error: thrown instanceof Error ? thrown.message : String(thrown) }),
    );
    await account.clock.pass(60_000);
    const { begun, outcome } = recordsOf(account);
    const own = begun[earlier.begun];
    const plain = (text: string): string => withoutNames(text, own ?? result?.release.id ?? null);
    const writes = calls.map(showCall).filter((call) => !/\/(lock|made)\.json$/.test(call));
    const inputs = account.aws.calls
      .slice(earlier.calls)
      .filter(({ caller, operation }) => caller === "deploy" && !/^(Describe|List)/.test(operation))
      .map(({ operation, input }) => `${operation} ${JSON.stringify(input)}`);
    const { id: _, ...release } = result?.release ?? { id: null };
    return {
      writes: sideBySide(writes.map(plain)),
      inputs: sideBySide(inputs.map(plain)),
      error: error === null ? null : plain(error),
      release: result === null ? null : (release as Omit<Release, "id">),
      outcome: own === undefined ? null : (outcome(own)?.outcome ?? "open"),
      services: own === undefined ? [] : (outcome(own)?.services ?? []),
      runs: await whatRuns(account),
      wrong: await wrongWith(account),
    };
  } finally {
    await account.close();
  }
}

async function act({ clock }: PlayedAccount, step: () => Deployer, way: Way): Promise<{ readonly release: Release }> {
  if (way === "by one") return clock.run(step().deploy());
  let last: Release | null = null;
  for (const parts of actions) {
    const release: Release | null =
      way === "by four, the release left empty" || last === null ? null : parseRelease(serializeRelease(last));
    ({ release: last } = await clock.run(step().deploy({ parts, release })));
    await clock.pass(7_000); // the runner, between two steps
  }
  if (last === null) throw new Error("there is no action");
  return { release: last };
}

/** Names that hold the time, or count what others did. */
function withoutNames(text: string, release: string | null): string {
  return (release === null ? text : text.replaceAll(release, "<release>"))
    .replace(/"clientToken":"[0-9a-f]+"/, '"clientToken":"<token>"')
    .replace(/"dagster-ecs-[0-9a-f]{24}"/, '"<mark>"')
    .replace(/"startedBy":"dagster-ecs-[^"]*"/, '"startedBy":"<release>"')
    .replace(/index\/\d+-/, "index/<time>-")
    .replace(/blobs\/uploads\/\d+/, "blobs/uploads/<upload>")
    .replace(/serviceDeploymentArn":"[^"]*"/, 'serviceDeploymentArn":"<service deployment>"');
}

/** Images are made, and definitions registered, side by side: their calls in a row are put in the order of the alphabet. */
function sideBySide(calls: readonly string[]): readonly string[] {
  const kindOf = (call: string): string =>
    call.startsWith("registry ") ? "registry" : (call.match(/^\S+ ?\w*/)?.[0] ?? "");
  const rows: string[][] = [];
  let kind = "";
  for (const call of calls) {
    if (kindOf(call) === kind) rows.at(-1)?.push(call);
    else rows.push([call]);
    kind = kindOf(call);
  }
  return rows.flatMap((row) => (isOrdered(row[0] ?? "") ? row : row.sort()));
}

/** Services are rolled, and records written, one after the other. */
function isOrdered(call: string): boolean {
  return /UpdateService|s3 PutObject/.test(call);
}
