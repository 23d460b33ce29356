import { parseRelease, type Release, serializeRelease } from "../../../../src/domain/release.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { actions } from "../../../releases/played/four-actions.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { type OutsideCall, showCall, type Wire } from "../../../releases/played/wire.ts";

const ways = ["passed on", "left empty"] as const;

interface Job {
  readonly name: string;
  /** @returns what is released before, oldest first, and last what is to be compared. */
  readonly commits: readonly Readonly<Record<string, string>>[];
  /** What the last of them is about; the whole stack unless told. */
  readonly only?: readonly string[];
  readonly given?: (account: PlayedAccount) => unknown;
  readonly ends: "committed" | "taken-back" | null;
}

const crash = { kind: "exits", code: 3, startsAfterSeconds: 1, healthyAfterSeconds: 60, afterSeconds: 1 } as const;
const fails = { kind: "exits", code: 1, startsAfterSeconds: 1, afterSeconds: 1 } as const;

const jobs: readonly Job[] = [
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

/** What a job has done to everything outside of it. */
interface Deed {
  /** Calls that write, in their order; those that may run side by side in the order of the alphabet. */
  readonly writes: readonly string[];
  /** What ECS was given with them. */
  readonly inputs: readonly string[];
  readonly error: string | null;
  readonly release: Omit<Release, "id"> | null;
  readonly outcome: unknown;
  readonly runs: unknown;
  readonly wrong: readonly string[];
}

describe.each(jobs)("$name", (job) => {
  test.each(ways)("by four actions in one job, the release %s: the same writes as by one", async (way) => {
    const wishes = { only: job.only === undefined ? null : [...job.only] };
    const one = await deedOf(job, (account, wire) =>
      account.clock.run(deployer(account, { run: 9, wire, wishes }).deploy()),
    );
    const four = await deedOf(job, async (account, wire) => {
      let travels: string | null = null;
      let last: Release | null = null;
      for (const parts of actions) {
        const release = way === "left empty" || travels === null ? null : parseRelease(travels);
        const result = await account.clock.run(deployer(account, { run: 9, wire, wishes }).deploy({ parts, release }));
        last = result.release;
        travels = serializeRelease(last);
        await account.clock.pass(7_000); // the runner, between two steps
      }
      return last === null ? null : { release: last };
    });
    expect(one.outcome).toBe(job.ends);
    expect(one.wrong).toEqual([]);
    expect(four).toEqual(one);
  });
});

async function deedOf(
  { commits, given }: Job,
  act: (account: PlayedAccount, wire: Wire) => Promise<{ readonly release: Release } | null>,
): Promise<Deed> {
  const account = await openAccount();
  try {
    for (const [index, files] of commits.entries()) {
      if (Object.keys(files).length > 0) await account.commit(files);
      if (index === commits.length - 1) break;
      await account.clock.run(deployer(account, { run: index + 1 }).deploy());
      await account.clock.pass(60_000);
    }
    given?.(account);
    const calls: OutsideCall[] = [];
    const earlier = { begun: recordsOf(account).begun.length, calls: account.aws.calls.length };
    const wire: Wire = (call, effect) => {
      if (call.writes) calls.push(call);
      return effect();
    };
    const { result, error } = await act(account, wire).then(
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
      runs: await revisionsOf(account),
      wrong: await wrongWith(account),
    };
  } finally {
    await account.close();
  }
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
