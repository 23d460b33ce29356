import { compareFiles } from "../../../src/dags/compare.ts";
import { explainDags } from "../../../src/dags/explain.ts";
import type { DagsObservation } from "../../../src/dags/observe.ts";
import { planDags } from "../../../src/dags/plan.ts";
import { type DagsFiles, type DagsManifest, dagsVersion } from "../../../src/domain/dags.ts";
import { type Digest, instant, type Sha } from "../../../src/domain/identifiers.ts";

const source = { repository: "shop/pipelines", sha: "a".repeat(40) as Sha };
const place = { file: "dagster-stack.yml", line: 7, column: 3 };

const filesOf = (...names: readonly string[]): DagsFiles =>
  Object.fromEntries(names.map((name) => [name, { size: 1, mode: "0644", sha256: "1".repeat(64) }]));

const manifestOf = (files: DagsFiles): DagsManifest => ({
  schema: 1,
  version: dagsVersion(files),
  files,
  archive: { digest: `sha256:${"2".repeat(64)}` as Digest, size: 100 },
  lock: null,
  source,
  run: null,
});

interface World {
  readonly served?: DagsFiles;
  readonly isPublished?: boolean;
}

function observed(
  files: DagsFiles,
  { served, isPublished = false }: World = {},
  faults: Partial<Pick<DagsObservation, "secretFiles" | "syntaxFaults">> = {},
): DagsObservation {
  const manifest = manifestOf(files);
  const before = served === undefined ? null : manifestOf(served);
  const at = instant(0);
  return {
    request: {
      location: "shop",
      root: "/checkout",
      directory: "dags",
      place,
      lock: null,
      source,
      run: "https://run/2",
    },
    version: manifest.version,
    files,
    entries: [],
    lock: null,
    pointer:
      before === null
        ? null
        : {
            value: { schema: 1, version: before.version, previous: null, source, run: null, at },
            etag: '"1"',
            ageSeconds: 1,
          },
    served: before,
    published: isPublished,
    fault: null,
    changes: compareFiles(before?.files ?? null, files),
    secretFiles: [],
    syntaxFaults: [],
    ...faults,
  };
}

test("what was never served is published, and switched to where there is no pointer yet", () => {
  const plan = planDags(observed(filesOf("a.py")));
  expect(plan).toMatchObject({
    publishes: true,
    switches: { from: null, to: { previous: null, run: "https://run/2" } },
  });
  expect(plan.findings).toEqual([]);
});

test("what is served already takes no write", () => {
  const files = filesOf("a.py", "b.py");
  expect(planDags(observed(files, { served: files, isPublished: true }))).toMatchObject({
    publishes: false,
    switches: null,
  });
});

test("what was published before is only switched to, from the pointer that was seen", () => {
  const served = filesOf("a.py");
  const plan = planDags(observed(filesOf("a.py", "b.py"), { served, isPublished: true }));
  const version = dagsVersion(served);
  expect(plan).toMatchObject({
    publishes: false,
    switches: { from: { version, etag: '"1"' }, to: { previous: version } },
  });
});

test("what is served and has lost its manifest is published again", () => {
  const files = filesOf("a.py");
  expect(planDags(observed(files, { served: files }))).toMatchObject({ publishes: true, switches: null });
});

test("a secret, and a file that Python cannot compile, stop it where they are", () => {
  const { findings } = planDags(
    observed(
      filesOf("a.py", ".env"),
      {},
      {
        secretFiles: [{ path: ".env", why: "such files hold variables with passwords", where: place }],
        syntaxFaults: [{ where: { file: "dags/a.py", line: 3, column: 5 }, what: "invalid syntax" }],
      },
    ),
  );
  expect(findings).toEqual([
    expect.objectContaining({ id: "secret-in-dags", level: "error", where: place }),
    expect.objectContaining({ id: "dags-broken", level: "error", where: { file: "dags/a.py", line: 3, column: 5 } }),
  ]);
});

const numbered = (count: number): DagsFiles => filesOf(...Array.from({ length: count }, (_, n) => `${n}.py`));

test.each([
  [20, 9, ["dags-shrunk"]],
  [20, 10, []],
  [9, 1, []],
  [10, 4, ["dags-shrunk"]],
])("of %d files that were served %d are left: %j", (before, left, ids) => {
  const { findings } = planDags(observed(numbered(left), { served: numbered(before) }));
  expect(findings.map(({ id }) => id)).toEqual(ids);
});

test("a plan names the versions, and what becomes of which file", () => {
  const served = filesOf("a.py", "b.py");
  const files = filesOf("b.py", "c`<b>.py");
  const { markdown } = explainDags(planDags(observed(files, { served })));
  expect(markdown).toContain(`from ${dagsVersion(served).slice(0, 12)} to version ${dagsVersion(files).slice(0, 12)}`);
  expect(markdown).toContain("1 added, 0 changed, 1 removed");
  expect(markdown).toContain("```diff\n+ c`<b>.py\n- a.py\n```");
});

test("a plan of what is served says so", () => {
  const files = filesOf("a.py");
  const { markdown } = explainDags(planDags(observed(files, { served: files, isPublished: true })));
  expect(markdown).toBe(`Location shop serves version ${dagsVersion(files).slice(0, 12)} already.`);
});

test("of many files the first are named", () => {
  const { markdown } = explainDags(planDags(observed(numbered(250))));
  expect(markdown.split("\n").filter((line) => line.startsWith("+ "))).toHaveLength(200);
  expect(markdown).toContain("… and 50 more");
});
