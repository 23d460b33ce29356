import fc from "../../../properties.ts";
import type { ReleaseId, Sha } from "../../../../src/domain/identifiers.ts";
import type { Release } from "../../../../src/domain/release.ts";
import { parseRevision, type Revision, sameRevision } from "../../../../src/domain/verdict.ts";
import { type Rule, type Rules, ruleTable } from "../../../local-aws/rules.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { cutAt, type Mishap, mishaps } from "../../../releases/played/cut.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { servicesByKey, whatRuns } from "../../../releases/played/services.ts";
import { type Shape, shapes } from "../../../releases/played/shapes.ts";
import { endsByItself, mend } from "../../../releases/played/situations.ts";
import { lockOf } from "../../../releases/played/upgrade.ts";
import { standstill } from "../../../releases/played/standstill.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";

/** Something befalls whoever deploys, at one of his calls; `foreign`: somebody else deploys past him. */
interface Struck {
  readonly at: number;
  readonly mishap: Mishap | "foreign";
}

type Command =
  | { readonly do: "commit"; readonly change: Change }
  | { readonly do: "deploy"; readonly struck: Struck | null }
  | { readonly do: "deploy a part"; readonly struck: Struck | null }
  | { readonly do: "rollback"; readonly to: "previous" | "current" | "first"; readonly struck: Struck | null }
  | { readonly do: "foreign"; readonly service: number };

type Change = "code" | "host" | "both" | "upgrade" | "nothing" | "broken code" | "crashing code";

const struck = fc.option(
  fc.record({ at: fc.nat({ max: 130 }), mishap: fc.constantFrom<Struck["mishap"]>(...mishaps, "foreign") }),
  { freq: 3 },
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      change: fc.constantFrom<Change>("code", "host", "both", "upgrade", "nothing", "broken code", "crashing code"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("deploy" as const), struck }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("deploy a part" as const), struck }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("rollback" as const),
      to: fc.constantFrom("previous", "current", "first"),
      struck,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("foreign" as const), service: fc.nat() }),
  },
);

/** The usual rules of the bed, or one that nobody outside AWS knows, turned to another of its values. */
const rules: fc.Arbitrary<Partial<Rules>> = fc.constantFrom(
  {},
  ...Object.entries(ruleTable as Readonly<Record<string, Rule>>)
    .filter(([, { certainty }]) => certainty === "unsure")
    .flatMap(([id, { choices }]) => choices.slice(1).map((value) => ({ [id]: value }))),
);

/** About a third of a second each; fast-check prints the seed and the way to what fails. */
const numRuns = 120;

test("whatever befalls whom: each end is one release or says what is where, and the next deploy is clean", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(usualShape, ...shapes),
      rules,
      fc.boolean(),
      fc.array(command, { minLength: 1, maxLength: 5 }),
      async (shape, flipped, released, commands) => {
        const world = await openWorld(shape, flipped);
        try {
          if (released) await carryOut(world, { do: "deploy", struck: null });
          for (const one of commands) await carryOut(world, one);
          await endClean(world);
        } finally {
          await world.account.close();
        }
      },
    ),
    { numRuns },
  );
}, 600_000);

/** The stack that all other tests here release. */
const usualShape: Pick<Shape, "name" | "account" | "part"> = { name: "the usual one", account: {}, part: ["code"] };

interface World extends Pick<Shape, "part"> {
  readonly account: PlayedAccount;
  /** Commits whose code server does not stay up. */
  readonly crashing: Set<Sha>;
  commits: number;
  runs: number;
}

async function openWorld(shape: Pick<Shape, "account" | "part">, flipped: Partial<Rules>): Promise<World> {
  const account = await openAccount({ ...shape.account, rules: flipped });
  const crashing = new Set<Sha>();
  account.runtime.script(
    (task) => {
      const image = task.definition.containerDefinitions?.[0]?.image ?? "";
      const names = account.registry.tagsOf("small/code", image.slice(image.indexOf("@") + 1));
      return !endsByItself(task) && names.some((name) => crashing.has(name as Sha));
    },
    // Never healthy: whether a plain exit counts is one of the things that nobody knows.
    { kind: "never-starts", reason: "CannotPullContainerError: not found" },
  );
  return { account, part: shape.part, crashing, commits: 0, runs: 0 };
}

async function carryOut(world: World, one: Command): Promise<void> {
  const { account } = world;
  switch (one.do) {
    case "commit":
      await commit(world, one.change);
      return;
    case "foreign":
      await foreign(account, one.service);
      await account.clock.pass(60_000);
      return;
    case "deploy":
      await run(world, one.struck, (who) => who.deploy());
      return;
    case "deploy a part":
      await run(world, one.struck, (who) => who.deploy(), { only: [...world.part] });
      return;
    case "rollback": {
      const { begun, current, outcome } = recordsOf(account);
      const first = begun.find((id) => outcome(id)?.outcome === "committed") ?? nobodys;
      const to = { previous: "previous", current: current?.release ?? nobodys, first }[one.to];
      await run(world, one.struck, (who) => who.rollback(to));
    }
  }
}

const nobodys = `20250101T000000Z-${"0".repeat(40)}` as ReleaseId;

async function commit(world: World, change: Change): Promise<void> {
  world.commits += 1;
  const version = `VERSION = ${world.commits + 1}\n`;
  const code = { "app/main.py": version, "reports/main.py": version };
  const host = { "dagster.yaml": `telemetry: { enabled: false } # ${world.commits}\n` };
  const files = {
    code,
    host,
    both: { ...code, ...host },
    upgrade: { ...code, "requirements.lock": lockOf(`1.13.${world.commits}`) },
    nothing: { "README.md": `# ${world.commits}\n` },
    "broken code": code,
    "crashing code": code,
  }[change];
  const sha = await world.account.commit(files);
  if (change === "broken code") world.account.breakCode(sha);
  if (change === "crashing code") world.crashing.add(sha);
}

/** Somebody brings one of the services that run to the newest revision but one of its family. */
async function foreign({ aws }: PlayedAccount, number: number): Promise<void> {
  const running = (await servicesByKey(aws)).filter(([, { desiredCount }]) => desiredCount !== 0);
  const [key, service] = running[number % running.length] ?? [];
  if (key === undefined) return;
  const { taskDefinitionArns = [] } = (await readPastClient(aws, "ListTaskDefinitions", {
    familyPrefix: `small-${key}`,
    sort: "DESC",
  })) as { readonly taskDefinitionArns?: readonly string[] };
  const taskDefinition = taskDefinitionArns.find((arn) => arn !== service?.taskDefinition);
  if (taskDefinition === undefined) return;
  await readPastClient(aws, "UpdateService", { cluster: "small", service: `small-${key}`, taskDefinition });
}

/** A revision by service; null: it runs nothing. */
type Where = Readonly<Record<string, Revision | null>>;

/** One process, from its start to its end; then what must be true. */
async function run(
  world: World,
  befalls: Struck | null,
  act: (who: Deployer) => Promise<unknown>,
  wishes: NonNullable<DeployerOptions["wishes"]> = {},
): Promise<void> {
  const { account } = world;
  const { clock } = account;
  world.runs += 1;
  const already = new Set(recordsOf(account).begun);
  const then = await whatRuns(account);
  const keys = Object.keys(then);
  const drifted = differs(then, pinsOf(keys, currentOf(account)));
  const isPart = (wishes.only ?? null) !== null;
  let who: Deployer | null = null;
  const wasClean = (await wrongWith(account)).length === 0;
  const cut = cutAt({
    at: befalls === null || befalls.mishap === "foreign" ? -1 : befalls.at,
    mishap: befalls === null || befalls.mishap === "foreign" ? "killed before" : befalls.mishap,
    cancel: (reason) => who?.cancel(reason),
    after: (milliseconds, callback) => void clock.bed.after(milliseconds, callback),
    pause: () => clock.product.sleep(20 * 60_000),
  });
  let calls = -1;
  const wire: Wire = async (call, effect) => {
    calls += 1;
    if (befalls?.mishap === "foreign" && calls === befalls.at) {
      await standstill(() => foreign(account, 0));
    }
    return cut.wire(call, effect);
  };
  who = deployer(account, { run: world.runs, wire, wishes });
  const end = await clock.run(
    Promise.race([
      cut.gone,
      act(who).then(
        () => "good" as const,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      ),
    ]),
  );
  const isTouched = befalls?.mishap === "foreign" && calls >= befalls.at;
  const isWhole = cut.struck() === null;
  const { begun, intent, outcome, lock } = recordsOf(account);
  const own = begun.find((id) => !already.has(id)) ?? null;
  const now = await whatRuns(account);

  if (end instanceof Error) expect(isLocked(end)).toBe(false);
  if (end === "good" && isWhole) expect(lock?.holder ?? null).toBeNull();
  // Who is refused before he asks for the lock leaves it to whoever was cut with it.
  if (end instanceof Error && isWhole) expect(lock?.holder?.run?.id).not.toBe(world.runs);
  checkCurrent(account);
  if (end === "good" && !isTouched) {
    const elsewhere = differs(now, pinsOf(keys, currentOf(account)));
    // A part of a stack is released past what somebody else has moved of the rest: that is drift, as it was before.
    expect(elsewhere.filter((key) => !isPart || !drifted.includes(key))).toEqual([]);
  }
  if (end instanceof Error && !isTouched) {
    const old = own === null ? then : beforeOf(intent(own), then);
    const made = own === null ? null : (outcome(own)?.release ?? intent(own)?.release ?? null);
    const notOld = differs(now, old);
    if (own !== null && outcome(own)?.outcome === "taken-back") expect(notOld).toEqual([]);
    // Cut off from its records, a release that is whole cannot say so.
    const isNew =
      made !== null && differs(now, { ...(await newest(account, keys)), ...known(pinsOf(keys, made)) }).length === 0;
    if (notOld.length > 0 && !isNew) {
      const unnamed = notOld.filter((key) => !RegExp(`\\b${key}\\b|status`).test(end.message));
      expect({ unnamed, says: unnamed.length === 0 ? "" : end.message }).toEqual({ unnamed: [], says: "" });
    }
  }
  // Long enough for every lease, and for what ECS still has to do.
  await clock.pass(20 * 60_000);
  checkCurrent(account);
  // Whoever fails by himself has left everything as he found it.
  if (wasClean && isWhole && !isTouched) expect(await wrongWith(account)).toEqual([]);
}

function isLocked(error: Error): boolean {
  return "kind" in error && error.kind === "locked" && error.message.startsWith("The stack is locked");
}

function currentOf(account: PlayedAccount): Release | null {
  const { current, outcome } = recordsOf(account);
  return current === null ? null : (outcome(current.release)?.release ?? null);
}

function checkCurrent(account: PlayedAccount): void {
  const { current, outcome } = recordsOf(account);
  if (current !== null) expect(outcome(current.release)).toMatchObject({ outcome: "committed" });
}

/** What a release pins of these services; all null for none. */
function pinsOf(keys: readonly string[], release: Release | null): Where {
  return Object.fromEntries(keys.map((key) => [key, release?.taskDefinitions[`service/${key}`] ?? null]));
}

function known(pins: Where): Where {
  return Object.fromEntries(Object.entries(pins).filter(([, revision]) => revision !== null));
}

/** The newest revision of each family: of a release that has not recorded what it made. */
async function newest({ aws }: PlayedAccount, keys: readonly string[]): Promise<Where> {
  const found = await Promise.all(
    keys.map(async (key) => {
      const { taskDefinitionArns = [] } = (await readPastClient(aws, "ListTaskDefinitions", {
        familyPrefix: `small-${key}`,
        sort: "DESC",
      })) as { readonly taskDefinitionArns?: readonly string[] };
      return [key, parseRevision(taskDefinitionArns[0] ?? "")] as const;
    }),
  );
  return Object.fromEntries(found);
}

/** As the release has noted it before it touched anything. */
function beforeOf(
  intent: {
    readonly before: Readonly<
      Record<string, { readonly taskDefinition: Revision | null; readonly desiredCount: number }>
    >;
  } | null,
  then: Where,
): Where {
  return Object.fromEntries(
    Object.entries(then).map(([key, ran]) => {
      const noted = intent?.before[key];
      return [key, noted === undefined ? ran : noted.desiredCount === 0 ? null : noted.taskDefinition];
    }),
  );
}

function differs(a: Where, b: Where): readonly string[] {
  return Object.keys(a).flatMap((key) => {
    const [one = null, other = null] = [a[key], b[key]];
    if (one === null && other === null) return [];
    return one !== null && sameRevision(one, other) ? [] : [key];
  });
}

/** A commit that is good, by somebody whom nothing befalls. */
async function endClean(world: World): Promise<void> {
  const { account } = world;
  await account.clock.pass(20 * 60_000);
  mend(account);
  await commit(world, "both");
  world.runs += 1;
  const result = await account.clock.run(deployer(account, { run: world.runs }).deploy());
  expect(result.outcome).toBe("committed");
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
}
