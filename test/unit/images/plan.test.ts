import type { Digest, Sha } from "../../../src/domain/identifiers.ts";
import { recordInputs, readRecordedInputs } from "../../../src/images/compare.ts";
import { contentKey, type Inputs } from "../../../src/images/content-key.ts";
import type { ImageObservation } from "../../../src/images/observe.ts";
import { parseLock } from "../../../src/images/lock.ts";
import { planCopy, planImage } from "../../../src/images/plan.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const sha = "a".repeat(40) as Sha;

const inputs: Inputs = {
  scheme: 4,
  platform: "linux/amd64",
  base: digest("b"),
  python: null,
  requirements: "c".repeat(64),
  groups: [],
  localPackages: {},
  prepare: [],
  user: null,
  workdir: "/app",
  environment: { LEVEL: "info" },
  files: { "app/app/a.py": `0644 ${"c".repeat(64)}`, "app/app/b.py": `0644 ${"d".repeat(64)}`, "etc/x.yaml": "0644 e" },
};
const key = contentKey(inputs);

function observation(more: Partial<ImageObservation> = {}, now: Partial<Inputs> = {}): ImageObservation {
  const current = { ...inputs, ...now };
  return {
    request: {
      way: "layers",
      repository: "app",
      createRepository: null,
      isDirty: false,
      platform: current.platform,
      source: { repository: "owner/app", sha },
      root: "/checkout",
      place: null,
      base: "python:3.12",
      requirements: "requirements.lock",
      groups: current.groups,
      prepare: current.prepare,
      files: [
        { from: "src", to: "/app" },
        { from: "code/app/", to: "/app/app/" },
      ],
      generated: {},
      workdir: current.workdir,
      environment: current.environment,
      user: current.user,
      places: null,
      python: current.python,
    },
    contentKey: contentKey(current),
    inputs: current,
    base: {
      reference: "python:3.12",
      registry: { endpoint: "https://registry", exchange: never, persist: never },
      repository: "python",
      digest: current.base,
      floats: false,
    },
    lock: null,
    sources: { entries: [], files: current.files, size: 0, secretFiles: [] },
    hasRepository: true,
    found: null,
    kept: null,
    commitTag: { name: sha, digest: null },
    lacks: null,
    former: { contentKey: key, inputs: readRecordedInputs(recordInputs(inputs)) },
    dependencies: null,
    ahead: null,
    ...more,
  };
}

async function never(): Promise<never> {
  throw new Error("a plan asks nobody");
}

const found = { digest: digest("f"), mediaType: "", bytes: new Uint8Array() };

test("what the registry has is named by this commit, unless it is already", () => {
  expect(planImage(observation({ found }))).toMatchObject({
    way: "name",
    contentKey: key,
    digest: digest("f"),
    tags: [sha],
    reasons: ["the registry has it, and this commit does not name it yet"],
    findings: [],
  });
  expect(planImage(observation({ found, commitTag: { name: sha, digest: digest("f") } }))).toMatchObject({
    way: "reuse",
    contentKey: key,
    digest: digest("f"),
    tags: [],
    reasons: ["the registry has an image of this very content"],
    findings: [],
  });
});

test("the version of Dagster is the one that the lock pins", () => {
  const lock = parseLock("Dagster[postgres]==1.12.3 --hash=sha256:0\n", "requirements.lock");
  expect(planImage(observation({ lock })).dagster).toBe("1.12.3");
});

test("what is released already keeps the commit that it was made of: another one names nothing", () => {
  const source = { repository: "owner/app", sha: "b".repeat(40) as Sha };
  const kept = {
    repository: "app",
    digest: digest("f"),
    contentKey: key,
    platform: inputs.platform,
    source,
    dagster: null,
  };
  expect(planImage(observation({ found, kept }))).toMatchObject({ way: "reuse", tags: [] });
  expect(planImage(observation({ found, kept, commitTag: { name: sha, digest: digest("1") } })).findings).toEqual([]);
});

test("what it does not have is made, and named twice", () => {
  expect(planImage(observation())).toMatchObject({ way: "layers", digest: null, tags: [sha, `src-${key}`] });
});

const files = inputs.files;
test.each<[string, Partial<ImageObservation>, Partial<Inputs>, readonly string[]]>([
  ["a new repository", { hasRepository: false }, {}, ["the repository app is new"]],
  ["a first release", { former: null }, {}, ["no image of this repository is released"]],
  ["an image that is gone", {}, {}, ["the registry has lost the image that is released"]],
  [
    "a label of another version",
    { former: { contentKey: "0".repeat(40), inputs: null } },
    {},
    ["the released image does not tell what it was made of"],
  ],
  [
    "another scheme",
    { former: { contentKey: "0".repeat(40), inputs: readRecordedInputs(recordInputs(inputs)) } },
    {},
    ["images are made in another way now"],
  ],
  ["a file", {}, { files: { ...files, "app/app/a.py": "0644 x" } }, ["code/app/a.py changed"]],
  ["a file of another folder", {}, { files: { ...files, "app/z.py": "0644 x" } }, ["src/z.py added"]],
  ["a file of no checkout", {}, { files: { ...files, "etc/x.yaml": "0644 x" } }, ["/etc/x.yaml changed"]],
  ["files gone", {}, { files: { "etc/x.yaml": "0644 e" } }, ["code/app/a.py removed", "code/app/b.py removed"]],
  ["the base", {}, { base: digest("9") }, [`the base moved to sha256:${"9".repeat(12)}`]],
  ["the lock file", {}, { requirements: "0" }, ["the requirements changed"]],
  ["Python", {}, { python: "3.12" }, ["Python of the base is now 3.12"]],
  ["the environment", {}, { environment: {} }, ["the environment changed"]],
  ["the working folder", {}, { workdir: "/srv" }, ["the working folder is now /srv"]],
  ["the platform", {}, { platform: "linux/arm64" }, ["platform linux/amd64 is now linux/arm64"]],
  [
    "a name that is no plain name",
    {},
    { files: { ...files, "app/app/\u001b[31m`<b>é": "0644 x" } },
    ['"code/app/\\u001b[31m`<b>\\u00e9" added'],
  ],
])("says why: %s", (_, more, now, reasons) => {
  expect(planImage(observation(more, now)).reasons).toEqual(reasons);
});

test("of many changes, five files are named", () => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`app/app/n${index + 10}.py`, "0644 x"]));
  const { reasons } = planImage(observation({}, { files: { ...files, ...many } }));
  expect(reasons).toHaveLength(6);
  expect(reasons.at(-1)).toBe("and 15 more files");
});

test("an image of very many files tells what else has changed, and that files have", () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`app/app/${index}.py`, "0644 x"]));
  const label = recordInputs({ ...inputs, files: many });
  expect(label.length).toBeLessThan(8 * 1024);
  const former = { contentKey: "0".repeat(40), inputs: readRecordedInputs(label) };
  expect(planImage(observation({ former }, { requirements: null })).reasons).toEqual([
    "the requirements changed",
    "files changed, too many to tell which",
  ]);
});

test.each([
  ["nothing", undefined],
  ["no JSON", "{"],
  ["something else", '{"files":[]}'],
])("a label that holds %s is none", (_, label) => {
  expect(readRecordedInputs(label)).toBeNull();
});

test("files called as members of every object are files", () => {
  const odd = { constructor: "0644 a", toString: "0644 b" };
  const former = { contentKey: "0".repeat(40), inputs: readRecordedInputs(recordInputs({ ...inputs, files: {} })) };
  expect(planImage(observation({ former }, { files: odd })).reasons).toEqual(["/constructor added", "/toString added"]);
});

test("a commit whose tag names another image is an error that shows both", () => {
  const { findings } = planImage(observation({ found, commitTag: { name: sha, digest: digest("1") } }));
  expect(findings).toEqual([expect.objectContaining({ id: "commit-tag-taken", level: "error", where: `app:${sha}` })]);
  expect(findings[0]?.what).toContain(digest("1"));
  expect(findings[0]?.what).toContain(digest("f"));
  expect(planImage(observation({ commitTag: { name: sha, digest: digest("1") } })).findings).toHaveLength(1);
});

test("what this job lacks to make it is said: the plan may be another job's", () => {
  const lacks = { what: "uv.lock is read by uv, which this job does not have.", where: "uv.lock", fix: "Install uv." };
  expect(planImage(observation({ lacks })).findings).toEqual([
    {
      id: "tool-missing",
      level: "warning",
      where: "uv.lock",
      what: "uv.lock is read by uv, which this job does not have. The image is to be made.",
      fix: "Install uv.",
    },
  ]);
});

test("a base that floats is an error with the pin to write", () => {
  const base = { ...observation().base, reference: "python:latest", floats: true };
  expect(planImage({ ...observation(), base }).findings).toEqual([
    expect.objectContaining({ id: "base-floats", level: "error", fix: `Pin it: python@${inputs.base}` }),
  ]);
});

describe("an image that was made for another environment", () => {
  const image = {
    repository: "app",
    digest: digest("1"),
    contentKey: key,
    platform: "linux/amd64" as const,
    source: { repository: "owner/app", sha },
    dagster: "1.13.1",
  };
  const from = { endpoint: "https://other", exchange: never, persist: never };
  const request = { image, repository: "production/app", platform: "linux/amd64", mayCopy: true } as const;

  test.each([
    ["is here: reused", null, { way: "reuse", tags: [] }],
    ["is elsewhere: copied", from, { way: "copy", tags: [`src-${key}`] }],
  ] as const)("%s", (_, registry, plan) => {
    const planned = planCopy({ request, from: registry });
    expect(planned).toMatchObject({ contentKey: key, digest: digest("1"), dagster: "1.13.1", findings: [], ...plan });
  });

  test("and runs on another platform is refused", () => {
    const { findings } = planCopy({ request: { ...request, platform: "linux/arm64" }, from: null });
    expect(findings.map(({ what }) => what)).toEqual([
      "The image is made for linux/amd64, and this environment runs linux/arm64.",
    ]);
  });
});
