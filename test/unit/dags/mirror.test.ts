import { type DagsFiles, type DagsMirror, dagsVersion } from "../../../src/domain/dags.ts";
import { instant, type Sha } from "../../../src/domain/identifiers.ts";
import { explainMirror } from "../../../src/dags/mirror/explain.ts";
import { withoutLinks } from "../../../src/dags/mirror/links.ts";
import { type MirrorPlan, planMirror } from "../../../src/dags/mirror/plan.ts";
import { UserError } from "../../../src/domain/errors.ts";

const source = { repository: "shop/pipelines", sha: "a".repeat(40) as Sha };
const place = { file: "dagster-stack.yml", line: 7, column: 3 };

/** By path: what stands for the content, and how long it is. */
function filesOf(texts: Readonly<Record<string, string>>): DagsFiles {
  return Object.fromEntries(
    Object.entries(texts).map(([path, text]) => [
      path,
      { size: text.length, mode: "0644" as const, sha256: Buffer.from(text).toString("hex").padEnd(64, "0") },
    ]),
  );
}

interface World {
  readonly before?: Readonly<Record<string, string>>;
  readonly writing?: readonly string[];
  readonly others?: readonly string[];
  readonly reserved?: readonly string[];
}

function planned(
  texts: Readonly<Record<string, string>>,
  { before, writing, others = [], reserved = [] }: World = {},
): MirrorPlan {
  const files = filesOf(texts);
  const at = instant(0);
  const value = (known: DagsFiles): DagsMirror => ({
    schema: 1,
    location: "shop",
    version: dagsVersion(known),
    files: known,
    writing: writing === undefined ? null : { paths: [...writing], run: null, at },
    lock: null,
    source,
    run: null,
    at,
  });
  return planMirror({
    request: {
      dags: { location: "shop", directory: "dags", place, source, run: null },
      version: dagsVersion(files),
      files,
      lock: null,
      reserved,
    },
    mirror: before === undefined ? null : { value: value(filesOf(before)), etag: '"1"', ageSeconds: 1 },
    others,
  });
}

const ids = ({ findings }: MirrorPlan): readonly string[] => findings.map(({ id }) => id);

test("new leaves come first, changed ones next, then modules that others begin with, the deepest first", () => {
  const plan = planned(
    {
      "definitions.py": "new",
      "shop/__init__.py": "new",
      "shop/deep/__init__.py": "new",
      "shop/jobs.py": "new",
      "shop/old.py": "changed",
      "shop/same.py": "same",
    },
    { before: { "shop/old.py": "x", "shop/same.py": "same" } },
  );
  expect(plan.uploads).toEqual([
    ["shop/jobs.py"],
    ["shop/old.py"],
    ["shop/deep/__init__.py"],
    ["shop/__init__.py"],
    ["definitions.py"],
  ]);
});

test("what is as the record says is not written, whatever its mode; what is no part of it any more is removed", () => {
  const plan = planned({ "a.sql": "a" }, { before: { "a.sql": "a", "b.sql": "b" } });
  expect(plan).toMatchObject({ uploads: [], removes: ["b.sql"], isServed: false });
  expect(planned({ "a.sql": "a" }, { before: { "a.sql": "a" } })).toMatchObject({ isServed: true, removes: [] });
});

test("of a run that was cut every file is written again, and one that it has left is removed", () => {
  const plan = planned({ "a.sql": "a" }, { before: { "a.sql": "a" }, writing: ["a.sql", "left.sql"] });
  expect(plan).toMatchObject({ uploads: [["a.sql"]], removes: ["left.sql"], isServed: false });
});

test("an edit of the same size is found, which a plain copy of a prefix never fetches", () => {
  const plan = planned({ "a.sql": "retries 5", "b.sql": "longer" }, { before: { "a.sql": "retries 3", "b.sql": "x" } });
  expect(plan.findings).toEqual([
    expect.objectContaining({
      id: "mirror-same-size",
      level: "warning",
      what: expect.stringContaining("a.sql") as unknown,
    }),
  ]);
  expect(plan.findings[0]?.fix).toContain("--exact-timestamps");
});

test("a prefix that somebody else has filled stops it, and nothing there is ever removed", () => {
  const plan = planned({ "a.sql": "a" }, { others: ["a.sql", "report.csv"] });
  expect(ids(plan)).toEqual(["mirror-not-ours"]);
  expect(plan.findings[0]).toMatchObject({
    level: "error",
    what: expect.stringContaining("1 of them would be overwritten") as unknown,
  });
  expect(plan.removes).toEqual([]);
});

test("a file that would lie where records are kept stops it", () => {
  expect(ids(planned({ "versions/a.sql": "a" }, { reserved: ["archives/", "versions/", "current.json"] }))).toEqual([
    "mirror-name-taken",
  ]);
  expect(ids(planned({ "versions/a.sql": "a" }))).toEqual([]);
  expect(ids(planned({ ".mirror.json": "a" }))).toEqual(["mirror-name-taken"]);
});

test("in the place of a link is the file that it leads to; one to a folder cannot be", () => {
  const files: DagsFiles = {
    ...filesOf({ "lib/a.py": "a" }),
    "b.py": { link: "lib/c.py" },
    "lib/c.py": { link: "a.py" },
  };
  const { files: plain, origins } = withoutLinks(files, place);
  expect(plain["b.py"]).toEqual(files["lib/a.py"]);
  expect(origins).toEqual({ "lib/a.py": "lib/a.py", "b.py": "lib/a.py", "lib/c.py": "lib/a.py" });
  const error = (): unknown => withoutLinks({ ...files, x: { link: "lib" } }, place);
  expect(error).toThrow(UserError);
  expect(error).toThrow(/x is a link to a folder/);
});

test("a plan says how many files it writes", () => {
  expect(explainMirror(planned({ "a.sql": "a" }, { before: { "b.sql": "b" } })).markdown).toBe(
    "Plain files: 1 to write, 1 to remove.",
  );
  expect(explainMirror(planned({ "a.sql": "a" }, { before: { "a.sql": "a" } })).markdown).toBe(
    "Its plain files are there already.",
  );
});
