import { type CodeChange, compareDefined } from "../../../../src/releases/dagster-definitions/compare.ts";
import { definedIn, type RepositoryContent } from "../../../../src/releases/dagster-definitions/defined.ts";
import fc from "../../../properties.ts";

const nightly = { name: "nightly", job: "collect", cron: "0 3 * * *", timezone: "UTC" };
const mailbox = { name: "mailbox", type: "STANDARD", jobs: ["collect"] };
const deals = { key: ["deals"], group: "default", isMaterializable: true, partitions: null };

function repository(change: Partial<RepositoryContent> = {}): RepositoryContent {
  return { name: "__repository__", jobs: [], schedules: [], sensors: [], assets: [], ...change };
}

/** `renamed schedule nightly → nightly_load` */
function show({ change, kind, name, former, members }: CodeChange): string {
  const what = former === null ? name : `${former.name} → ${name}`;
  const how = members.map(({ member, from, to }) => `, ${member} ${from} → ${to}`).join("");
  return `${change} ${kind} ${what}${how}`;
}

const differences = (before: Partial<RepositoryContent>, after: Partial<RepositoryContent>): readonly string[] =>
  compareDefined(definedIn([repository(before)]), definedIn([repository(after)])).map(show);

test.each<[string, Partial<RepositoryContent>, Partial<RepositoryContent>, readonly string[]]>([
  [
    "the same code changes nothing",
    { schedules: [nightly], assets: [deals] },
    { assets: [deals], schedules: [nightly] },
    [],
  ],
  ["what is new is added", {}, { jobs: ["collect"] }, ["added job collect"]],
  ["what nobody has any more is removed", { sensors: [mailbox] }, {}, ["removed sensor mailbox"]],
  [
    "a schedule that does the same under another name is renamed, however different that is",
    { schedules: [nightly, { ...nightly, name: "weekly", cron: "0 3 * * 1" }] },
    {
      schedules: [
        { ...nightly, name: "load_at_three" },
        { ...nightly, name: "other", cron: "0 4 * * *" },
      ],
    },
    ["renamed schedule nightly → load_at_three", "added schedule other", "removed schedule weekly"],
  ],
  [
    "of several that do the same, the one with the nearest name is",
    { schedules: [nightly] },
    {
      schedules: [
        { ...nightly, name: "b" },
        { ...nightly, name: "nightly_1" },
      ],
    },
    ["added schedule b", "renamed schedule nightly → nightly_1"],
  ],
  [
    "the only sensor that came is the only one that went, whatever it does",
    { sensors: [mailbox] },
    { sensors: [{ name: "inbox", type: "ASSET", jobs: ["load"] }] },
    ["renamed sensor mailbox → inbox, type STANDARD → ASSET, jobs collect → load"],
  ],
  [
    "an asset below another prefix is renamed",
    { assets: [deals, { ...deals, key: ["ranks"] }] },
    {
      assets: [
        { ...deals, key: ["raw", "deals"] },
        { ...deals, key: ["something"] },
        { ...deals, key: ["ranks"] },
      ],
    },
    ["renamed asset deals → raw/deals", "added asset something"],
  ],
  [
    "what only does something else is changed",
    { schedules: [nightly], assets: [deals] },
    { schedules: [{ ...nightly, timezone: "Europe/Berlin" }], assets: [{ ...deals, partitions: "Daily" }] },
    ["changed schedule nightly, timezone UTC → Europe/Berlin", "changed asset deals, partitions none → Daily"],
  ],
  [
    "jobs that Dagster makes by itself are nobody's definitions",
    { jobs: ["__ASSET_JOB"], schedules: [{ ...nightly, job: "__anonymous_asset_job_nightly" }] },
    { jobs: ["__ASSET_JOB_0"], schedules: [{ ...nightly, job: "__anonymous_asset_job_nightly_1" }] },
    [],
  ],
  [
    "a job never stands for a schedule of its name",
    { jobs: ["nightly"] },
    { schedules: [nightly] },
    ["added schedule nightly", "removed job nightly"],
  ],
])("%s", (_, before, after, expected) => {
  expect(differences(before, after)).toEqual(expected);
});

test("an asset that moves to another repository is the same asset: Dagster knows it by its key", () => {
  const move = (after: Partial<typeof deals>) =>
    compareDefined(
      definedIn([repository({ assets: [deals] })]),
      definedIn([repository({ name: "shop", assets: [{ ...deals, ...after }] })]),
    ).map(show);
  expect(move({})).toEqual([]);
  expect(move({ group: "sales" })).toEqual(["changed asset deals, group default → sales"]);
});

test("an asset that one repository makes and others only read is what it is where it is made", () => {
  const reads = repository({ name: "reads", assets: [{ ...deals, isMaterializable: false }] });
  const makes = repository({ name: "makes", assets: [deals] });
  expect(compareDefined(definedIn([makes, reads]), definedIn([reads, makes]))).toEqual([]);
  expect(compareDefined(definedIn([makes, reads]), definedIn([reads])).map(show)).toEqual([
    "changed asset deals, made here → elsewhere",
  ]);
});

test("a sensor without any target has none, and one that is aimed at assets has those", () => {
  const aimed = (jobs: readonly string[]) => ({ sensors: [{ ...mailbox, jobs }] });
  expect(differences(aimed(["__anonymous_asset_job_mailbox"]), aimed([]))).toEqual([
    "changed sensor mailbox, jobs assets → none",
  ]);
});

test.each([
  ["all under other names", (index: number) => `model_${index}`, (index: number) => `model_${index}_x`],
  [
    "with names as long as they may be",
    (index: number) => `${"x".repeat(990)}${index}`,
    (index: number) => `${index}${"x".repeat(990)}`,
  ],
])("five thousand against five thousand, %s, are compared in seconds", (_, was, now) => {
  const content = (name: (index: number) => string): RepositoryContent => {
    const all = Array.from({ length: 5000 }, (__, index) => name(index));
    return repository({
      jobs: all,
      sensors: all.map((one) => ({ ...mailbox, name: one })),
      assets: all.map((one) => ({ ...deals, key: [one] })),
    });
  };
  const begun = performance.now();
  expect(compareDefined(definedIn([content(was)]), definedIn([content(now)]))).toHaveLength(30_000);
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test("five thousand assets that get a prefix are found again", () => {
  const all = (prefix: readonly string[]) => ({
    assets: Array.from({ length: 5000 }, (_, index) => ({ ...deals, key: [...prefix, `deals_${index}`] })),
  });
  const renamed = compareDefined(definedIn([repository(all([]))]), definedIn([repository(all(["raw"]))]));
  expect(renamed.filter(({ change }) => change === "renamed")).toHaveLength(5000);
});

test("two hundred names that are much alike against two hundred are compared in seconds", () => {
  const all = (salt: number) => ({
    jobs: Array.from({ length: 200 }, (_, index) => `${"ab".repeat(28)}${index * salt}`),
  });
  const begun = performance.now();
  differences(all(7), all(11));
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test("what moves to another repository is renamed: its state stays with the former", () => {
  const [change] = compareDefined(
    definedIn([repository({ schedules: [nightly] })]),
    definedIn([repository({ name: "shop", schedules: [nightly] })]),
  );
  expect(change).toMatchObject({
    change: "renamed",
    repository: "shop",
    former: { repository: "__repository__", name: "nightly" },
  });
});

test("whatever code defines: against itself nothing changes; each that went and each that came is told once", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-c]{1,3}$/), { maxLength: 8 });
  const content = names.map((all) => repository({ jobs: all, sensors: all.map((name) => ({ ...mailbox, name })) }));
  fc.assert(
    fc.property(content, content, (before, after) => {
      const [served, next] = [definedIn([before]), definedIn([after])];
      expect(compareDefined(served, served)).toEqual([]);
      const changes = compareDefined(served, next);
      const came = changes.filter(({ change }) => change !== "removed").map(({ kind, name }) => `${kind} ${name}`);
      const went = changes.flatMap(({ change, kind, name, former }) =>
        change === "removed" ? [`${kind} ${name}`] : former === null ? [] : [`${kind} ${former.name}`],
      );
      const listed = (some: typeof next, others: typeof next): readonly string[] =>
        some
          .filter((one) => !others.some((other) => other.kind === one.kind && other.name === one.name))
          .map(({ kind, name }) => `${kind} ${name}`)
          .sort();
      expect(came.sort()).toEqual(listed(next, served));
      expect(went.sort()).toEqual(listed(served, next));
    }),
  );
});
