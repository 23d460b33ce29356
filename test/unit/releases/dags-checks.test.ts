import { checkDags } from "../../../src/releases/dags-checks.ts";
import type { LocationDags, Observation } from "../../../src/releases/observation.ts";
import type { Finding } from "../../../src/domain/finding.ts";
import type { DagsVersion } from "../../../src/domain/dags.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import type { Stack } from "../../../src/stack/index.ts";
import { readYaml } from "../../../src/stack/yaml.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";

const images = "images: { app: { repository: shop/app, layers: { base: b } } }\n";
const server = "code: { kind: code-location, image: app, location: shop, address: c }";
const web = "web: { kind: webserver, image: app, url: http://web";
const behindServer = `${images}services: { ${server}, ${web} } }\ndags: { shop: { directory: dags, module: m } }\n`;
const byHosts = (locations: string, runs = "{ launcher: in-process }"): string =>
  `${images}services: { ${web}, locations: [${locations}] } }\nruns: ${runs}\ndags: { shop: { directory: dags, module: m } }\n`;

const version = "a".repeat(40) as DagsVersion;
const source = { repository: "owner/shop", sha: "b".repeat(40) as Sha };
const pointer = {
  value: { schema: 1 as const, version, previous: null, source, run: null, at: "2026-11-21T10:00:00.000Z" as never },
  etag: '"1"',
  ageSeconds: 0,
};
const changes = { added: [], changed: [], removed: [] };
const seen: LocationDags = {
  prefix: "dags/shop/" as LocationDags["prefix"],
  releasedBy: "stack",
  pointer,
  before: { version, previous: null, source, run: null },
  wanted: { version, source, publishes: false, changes, findings: [] },
  lock: "1".repeat(64),
};
const oldReader = { "app/dag_reader/__main__.py": "0644 1" };
const files = { ...oldReader, "app/dag_reader/listed.py": "0644 1" };

function findingsOf(text: string, change: Partial<LocationDags> = {}, more: object = {}): readonly Finding[] {
  const stack: Stack = stackOf(withTop(text), { contract: contract({}) });
  const made = { of: { requirements: "1".repeat(64), files } };
  const observation = {
    dags: { shop: { ...seen, ...change } },
    images: { app: { made } },
    promoted: null,
    current: null,
  };
  return checkDags(stack, stack, { instanceFile: null, ...observation, ...more } as unknown as Observation);
}

const ids = (findings: readonly Finding[]): readonly string[] => findings.map(({ id }) => id);

test("nothing is said of a location that is as it should be", () => {
  expect(findingsOf(behindServer)).toEqual([]);
});

test("code that was written with another lock file than the image's is told", () => {
  const [finding, ...others] = findingsOf(behindServer, { lock: "2".repeat(64) });
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ id: "dags-lock-differs", level: "warning" });
  expect(finding?.fix).toContain("Deploy an image of the same lock file first");
});

test("an image of a Dockerfile is held against the lock file that it says it installs, where it says one", () => {
  const of = (lock: string | undefined): readonly string[] =>
    ids(findingsOf(behindServer, { lock: "2".repeat(64) }, { images: { app: { made: null, lock } } }));
  expect(of("1".repeat(64))).toEqual(["dags-lock-differs"]);
  expect(of("2".repeat(64))).toEqual([]);
  expect(of(undefined)).toEqual([]);
});

test("an image of layers without the reader is refused, and one of a Dockerfile is not known", () => {
  const without = (made: object | null): readonly string[] =>
    ids(findingsOf(behindServer, {}, { images: { app: { made } } }));
  expect(without({ of: { requirements: null, files: { "app/shop.py": "0644 1" } } })).toEqual(["dags-reader-missing"]);
  expect(without(null)).toEqual([]);
});

test("what another repository releases has to be published once", () => {
  const text = behindServer.replace("module: m }", "module: m, source: { repository: owner/other, ref: main } }");
  const unpublished = { releasedBy: "itself" as const, pointer: null, wanted: null };
  const [finding] = findingsOf(text, unpublished);
  expect(finding).toMatchObject({ id: "dags-unpublished", level: "error" });
  expect(finding?.fix).toContain("prefix: dags/shop/");
  expect(ids(findingsOf(text, { releasedBy: "itself", wanted: null }))).toEqual([]);
});

test("a version that only the other environment has is not promoted", () => {
  const wanted = { version, source: null, publishes: false, changes, findings: [] };
  const promoted = { environment: "staging", release: {}, unfinished: [] };
  expect(ids(findingsOf(behindServer, { wanted }, { promoted }))).toEqual(["dags-not-promoted"]);
});

test("hosts that load code from S3 and from their image cannot start the runs of both from one definition", () => {
  expect(ids(findingsOf(byHosts("shop, other", "{ image: app }")))).toEqual(["dags-runs-mixed"]);
  expect(ids(findingsOf(byHosts("shop", "{ image: app }")))).toEqual([]);
  expect(ids(findingsOf(byHosts("shop, other")))).toEqual([]);
});

test.each([
  ["telemetry: { enabled: false }", ["dags-launcher"]],
  ["run_launcher: { module: dag_reader.launcher, class: PlannedCodeRunLauncher }", []],
])(
  "where runs live in the process that loads the code, dagster.yaml names the launcher that keeps their version: %s",
  (text, wanted) => {
    const instanceFile = { tree: readYaml(text, "dagster.yaml").tree, others: [] };
    expect(ids(findingsOf(byHosts("shop"), {}, { instanceFile }))).toEqual(wanted);
  },
);

test("a reader that knows no lists is refused where hosts follow one, and serves a location of its own", () => {
  const old = { images: { app: { made: { of: { requirements: "1".repeat(64), files: oldReader } } } } };
  const more = { ...old, instanceFile: { tree: null, others: [] } };
  const said = findingsOf(byHosts("shop"), {}, more).filter(({ id }) => id === "dags-reader-missing");
  expect(said.map(({ what }) => what).join()).toContain("has a reader that does not know lists");
  expect(findingsOf(behindServer, {}, old)).toEqual([]);
});

test("a definition of the user's own gets no reader", () => {
  const text = behindServer.replace("address: c }", "address: c, task-definition: code.json }");
  expect(ids(findingsOf(text))).toEqual(["dags-own-definition"]);
});
