import fc from "fast-check";
import type { ReleaseId, Sha } from "../../../../src/domain/identifiers.ts";
import type { Release } from "../../../../src/domain/release.ts";
import { parseRevision, type Revision, sameRevision } from "../../../../src/domain/verdict.ts";
import { type Rule, type Rules, ruleTable } from "../../../local-aws/rules.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { cutAt, type Mishap, mishaps } from "../../../releases/played/cut.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf, type ServiceKey, serviceKeys } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { mend } from "../../../releases/played/situations.ts";
import { standstill } from "../../../releases/played/standstill.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";

/** Something befalls whoever deploys, at one of his calls; `foreign`: somebody else deploys past him. */
interface Struck {
  readonly at: number;
  readonly mishap: Mishap | "foreign";
}

type Command =
  | { readonly do: "commit"; readonly change: "code" | "host" | "both" | "nothing" | "broken code" | "crashing code" }
  | { readonly do: "deploy"; readonly struck: Struck | null }
  | { readonly do: "rollback"; readonly to: "previous" | "current" | "first"; readonly struck: Struck | null }
  | { readonly do: "foreign"; readonly service: ServiceKey };

const struck = fc.option(
  fc.record({ at: fc.nat({ max: 130 }), mishap: fc.constantFrom<Struck["mishap"]>(...mishaps, "foreign") }),
  { freq: 3 },
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      change: fc.constantFrom("code", "host", "both", "nothing", "broken code", "crashing code"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("deploy" as const), struck }) },
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
    arbitrary: fc.record({ do: fc.constant("foreign" as const), service: fc.constantFrom(...serviceKeys) }),
  },
);

/** The usual rules of the bed, or one that nobody outside AWS knows, turned to another of its values. */
const rules: fc.Arbitrary<Partial<Rules>> = fc.constantFrom(
  {},
  ...Object.entries(ruleTable as Readonly<Record<string, Rule>>)
    .filter(([, { certainty }]) => certainty === "unsure")
    .flatMap(([id, { choices }]) => choices.slice(1).map((value) => ({ [id]: value }))),
);

/** About a quarter of a second each; fast-check prints the seed and the way to what fails. */
const numRuns = 80;

test("whatever befalls whom: each end is one release or says what is where, and the next deploy is clean", async () => {
  await fc.assert(
    fc.asyncProperty(
      rules,
      fc.boolean(),
      fc.array(command, { minLength: 1, maxLength: 5 }),
      async (flipped, released, commands) => {
        const world = await openWorld(flipped);
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

interface World {
  readonly account: PlayedAccount;
  /** Commits whose code server does not stay up. */
  readonly crashing: Set<Sha>;
  commits: number;
  runs: number;
}

async function openWorld(flipped: Partial<Rules>): Promise<World> {
  const account = await openAccount({ rules: flipped });
  const crashing = new Set<Sha>();
  account.runtime.script(
    ({ definition }) => {
      const image = definition.containerDefinitions?.[0]?.image ?? "";
      const names = account.registry.tagsOf("small/code", image.slice(image.indexOf("@") + 1));
      return definition.family === "small-code" && names.some((name) => crashing.has(name as Sha));
    },
    // Never healthy: whether a plain exit counts is one of the things that nobody knows.
    { kind: "never-starts", reason: "CannotPullContainerError: not found" },
  );
  return { account, crashing, commits: 0, runs: 0 };
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
    case "rollback": {
      const { begun, current, outcome } = recordsOf(account);
      const first = begun.find((id) => outcome(id)?.outcome === "committed") ?? nobodys;
      const to = { previous: "previous", current: current?.release ?? nobodys, first }[one.to];
      await run(world, one.struck, (who) => who.rollback(to));
    }
  }
}

const nobodys = `20250101T000000Z-${"0".repeat(40)}` as ReleaseId;

async function commit(world: World, change: Extract<Command, { do: "commit" }>["change"]): Promise<void> {
  world.commits += 1;
  const code = { "app/main.py": `VERSION = ${world.commits + 1}\n` };
  const host = { "dagster.yaml": `telemetry: { enabled: false } # ${world.commits}\n` };
  const files = {
    code,
    host,
    both: { ...code, ...host },
    nothing: { "README.md": `# ${world.commits}\n` },
    "broken code": code,
    "crashing code": code,
  }[change];
  const sha = await world.account.commit(files);
  if (change === "broken code") world.account.breakCode(sha);
  if (change === "crashing code") world.crashing.add(sha);
}

/** Somebody brings a service that runs to the newest revision but one of its family. */
async function foreign({ aws }: PlayedAccount, key: ServiceKey): Promise<void> {
  const { services = [] } = (await readPastClient(aws, "DescribeServices", {
    cluster: "small",
    services: [`small-${key}`],
  })) as { readonly services?: readonly { readonly desiredCount?: number; readonly taskDefinition?: string }[] };
  if (services[0]?.desiredCount === 0) return;
  const { taskDefinitionArns = [] } = (await readPastClient(aws, "ListTaskDefinitions", {
    familyPrefix: `small-${key}`,
    sort: "DESC",
  })) as { readonly taskDefinitionArns?: readonly string[] };
  const taskDefinition = taskDefinitionArns.find((arn) => arn !== services[0]?.taskDefinition);
  if (taskDefinition === undefined) return;
  await readPastClient(aws, "UpdateService", { cluster: "small", service: `small-${key}`, taskDefinition });
}

type Where = Readonly<Record<ServiceKey, Revision | null>>;

/** One process, from its start to its end; then what must be true. */
async function run(world: World, befalls: Struck | null, act: (who: Deployer) => Promise<unknown>): Promise<void> {
  const { account } = world;
  const { clock } = account;
  world.runs += 1;
  const already = new Set(recordsOf(account).begun);
  const then = await revisionsOf(account);
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
      await standstill(() => foreign(account, "code"));
    }
    return cut.wire(call, effect);
  };
  who = deployer(account, { run: world.runs, wire });
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
  const now = await revisionsOf(account);

  if (end instanceof Error) expect(isLocked(end)).toBe(false);
  if (end !== "gone" && isWhole) expect(lock?.holder ?? null).toBeNull();
  checkCurrent(account);
  if (end === "good" && !isTouched) {
    const { current } = recordsOf(account);
    expect(differs(now, pinsOf(current === null ? null : (outcome(current.release)?.release ?? null)))).toEqual([]);
  }
  if (end instanceof Error && !isTouched) {
    const old = own === null ? then : beforeOf(intent(own), then);
    const made = own === null ? null : (outcome(own)?.release ?? intent(own)?.release ?? null);
    const notOld = differs(now, old);
    if (own !== null && outcome(own)?.outcome === "taken-back") expect(notOld).toEqual([]);
    // Cut off from its records, a release that is whole cannot say so.
    const isNew = made !== null && differs(now, { ...(await newest(account)), ...known(pinsOf(made)) }).length === 0;
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

function checkCurrent(account: PlayedAccount): void {
  const { current, outcome } = recordsOf(account);
  if (current !== null) expect(outcome(current.release)).toMatchObject({ outcome: "committed" });
}

/** What a release pins for each service; all null for none. */
function pinsOf(release: Release | null): Where {
  return Object.fromEntries(
    serviceKeys.map((key) => [key, release?.taskDefinitions[`service/${key}`] ?? null]),
  ) as Record<ServiceKey, Revision | null>;
}

function known(pins: Where): Partial<Where> {
  return Object.fromEntries(Object.entries(pins).filter(([, revision]) => revision !== null));
}

/** The newest revision of each family: of a release that has not recorded what it made. */
async function newest({ aws }: PlayedAccount): Promise<Where> {
  const found = await Promise.all(
    serviceKeys.map(async (key) => {
      const { taskDefinitionArns = [] } = (await readPastClient(aws, "ListTaskDefinitions", {
        familyPrefix: `small-${key}`,
        sort: "DESC",
      })) as { readonly taskDefinitionArns?: readonly string[] };
      return [key, parseRevision(taskDefinitionArns[0] ?? "")] as const;
    }),
  );
  return Object.fromEntries(found) as Record<ServiceKey, Revision | null>;
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
    serviceKeys.map((key) => {
      const noted = intent?.before[key];
      return [key, noted === undefined ? then[key] : noted.desiredCount === 0 ? null : noted.taskDefinition];
    }),
  ) as Record<ServiceKey, Revision | null>;
}

function differs(a: Where, b: Where): readonly string[] {
  return serviceKeys.flatMap((key) => {
    const [one, other] = [a[key], b[key]];
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
