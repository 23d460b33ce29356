import type { MigrationPart, Release } from "../../../src/domain/release.ts";
import type { Plan } from "../../../src/domain/plan.ts";
import { planRelease, planRollback } from "../../../src/releases/plan.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, withContents, type World } from "./world.ts";

const stack = dealFlow();
const planFor = (world: World, letter: string): Plan =>
  planRelease(stack, world.observation, begin(world, shaOf(letter)));
const after = (world: World, letter: string): World => carriedOut(stack, world, planFor(world, letter));
const withDagster = (version: string, code: number): Readonly<Record<string, string>> => ({
  code: `code ${code}`,
  host: `dagster ${version}`,
});

const first = after(withContents(untouchedWorld(stack), withDagster("1.12.9", 1)), "a");
const second = after(withContents(first, withDagster("1.12.9", 2)), "b");

function currentOf({ observation: { current } }: World): Release {
  if (current === null) throw new Error("nothing was released");
  return current;
}

function rollback(from: World, to: Release, schema: Release["migrations"] = currentOf(from).migrations): Plan {
  const known = [first, from].flatMap(({ observation }) => Object.entries(observation.definitions));
  const wanted = Object.fromEntries(
    Object.keys(to.taskDefinitions).map((key) => {
      const pinned = to.taskDefinitions[key]?.revision;
      const found = known.find(([name, { running }]) => name === key && running?.revision.revision === pinned);
      return [key, found?.[1].running ?? null];
    }),
  );
  const there = { code: true, host: true };
  return planRollback(stack, from.observation, begin(from, shaOf("c")), to, wanted, there, schema);
}

const found = ({ findings }: Plan, id: string) => findings.filter((finding) => finding.id === id);

/** As a release that was taken back has left the databases. */
function migratedSince({ migrations }: Release, heads: readonly string[]): Release["migrations"] {
  return Object.fromEntries(
    Object.entries(migrations).map(([name]): [string, MigrationPart] => [
      name,
      {
        state: "done",
        contentKey: "f".repeat(40),
        whole: true,
        runsOlder: null,
        settings: null,
        heads: [...heads],
        addsSince: [],
      },
    ]),
  );
}

function withHeads(release: Release, heads: readonly string[]): Release {
  const migrations = Object.entries(release.migrations).map(([name, part]) => [name, { ...part, heads: [...heads] }]);
  return { ...release, migrations: Object.fromEntries(migrations) as Release["migrations"] };
}

describe("Services of that release which the stack file does not have any more", () => {
  const former = currentOf(first);
  const gone = { family: "gone", revision: 3, contentHash: "0".repeat(64) };
  const image = former.images["code"];
  if (image === undefined) throw new Error("it has no image");
  const plan = rollback(second, {
    ...former,
    taskDefinitions: { ...former.taskDefinitions, "service/gone": gone, "run/Gone": gone },
    kept: { gone: image },
  });

  test("are not recorded: nobody brings them there", () => {
    expect(Object.keys(plan.target.taskDefinitions)).not.toContain("service/gone");
    expect(plan.target.kept).toEqual({});
    expect(plan.target.taskDefinitions).toMatchObject({ ...former.taskDefinitions, "run/Gone": gone });
  });

  test("are named, and need not be there", () => {
    expect(found(plan, "component-left")).toEqual([
      expect.objectContaining({ level: "warning", what: expect.stringContaining("a service gone,") as unknown }),
    ]);
    expect(found(plan, "rollback-image-gone")).toEqual([]);
    const unknownToEcs = found(plan, "rollback-definition-gone").map(({ what }) => what);
    expect(unknownToEcs).toContainEqual(expect.stringContaining("of run/Gone was deleted"));
    expect(unknownToEcs).not.toContainEqual(expect.stringContaining("service/gone"));
  });
});

describe("Going back to what is current", () => {
  const current = withHeads(currentOf(second), ["aaa1"]);
  const world = { ...second, observation: { ...second.observation, current } };
  const schema = migratedSince(current, ["bbb2"]);

  test("is no new release, whatever was migrated and taken back since", () => {
    const plan = rollback(world, current, schema);
    expect(plan.steps).toEqual([]);
    expect(plan.target.migrations).toEqual(current.migrations);
  });

  test("is not refused for what a release that was cut has migrated; going back to another one is", () => {
    const levels = (to: Release) => found(rollback(world, to, schema), "rollback-schema").map(({ level }) => level);
    expect(new Set(levels(current))).toEqual(new Set(["warning"]));
    expect(new Set(levels(withHeads(currentOf(first), ["aaa1"])))).toEqual(new Set(["error"]));
  });

  test("of something that moved says what the databases are at", () => {
    const [code] = Object.values(world.observation.services);
    if (code === undefined || code === null) throw new Error("there is no service");
    const moved = { ...code, revision: { family: "somebody", revision: 7 } };
    const [key = ""] = Object.keys(world.observation.services);
    const services = { ...world.observation.services, [key]: moved };
    const plan = rollback({ ...world, observation: { ...world.observation, services } }, current, schema);
    expect(plan.steps).not.toEqual([]);
    expect(Object.values(plan.target.migrations).map(({ heads }) => heads)).toEqual(
      Object.values(schema).map(({ heads }) => heads),
    );
  });
});

describe("When Dagster's minor changes", () => {
  const newer = after(withContents(first, withDagster("1.13.0", 2)), "b");

  test("a deploy that brings an older one says what the database may not allow", () => {
    const plan = planFor(withContents(newer, withDagster("1.12.9", 3)), "c");
    expect(found(plan, "dagster-older")).toEqual([
      expect.objectContaining({
        level: "warning",
        what: expect.stringContaining("from 1.13.0 to 1.12.9") as unknown,
      }),
    ]);
  });

  const older = currentOf(after(withContents(newer, withDagster("1.12.9", 3)), "c"));
  const back = { ...newer, observation: { ...newer.observation, current: older } };

  test("a rollback to a newer one says that it does not migrate", () => {
    const plan = rollback(back, currentOf(newer), migratedSince(older, ["aaa1"]));
    expect(found(plan, "dagster-not-migrated")).toEqual([
      expect.objectContaining({
        level: "warning",
        what: expect.stringContaining("from 1.12.9 to 1.13.0, and going back does not migrate") as unknown,
      }),
    ]);
  });

  test("and does not say so when the database is as that release has left it", () => {
    const to = withHeads(currentOf(newer), ["bbb2"]);
    expect(found(rollback(back, to, migratedSince(older, ["bbb2"])), "dagster-not-migrated")).toEqual([]);
  });
});
