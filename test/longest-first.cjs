/**
 * The longest begin first, so that nobody waits for one that was begun last: on a new machine jest goes by the size of files.
 * Seconds on two processors, roughly; a file that is not here takes its turn behind these, by its size.
 */
const seconds = {
  "e2e/process-runtime/data-platform": 520,
  "e2e/upgrade/upgrade": 390,
  "e2e/docker-runtime/release": 380,
  "e2e/docker/images": 320,
  "e2e/process-runtime/layers": 300,
  "e2e/demo/demo": 290,
  "e2e/migrations/migrations": 280,
  "e2e/dags/planned": 280,
  "e2e/state/state": 255,
  "e2e/workflows/called": 250,
  "e2e/dagster/gates": 240,
  "e2e/quick-start/quick-start": 220,
  "e2e/dags/sync": 210,
  "e2e/adopt/adopt": 200,
  "e2e/adopt/asset-manager": 190,
  "e2e/docker/layers": 180,
  "e2e/process-runtime/dynamic-dags": 180,
  "e2e/process-runtime/asset-manager": 165,
  "e2e/dagster/definitions": 100,
  "contract/infra/mutants": 350,
  "contract/images/locks": 150,
  "contract/actions/cut": 150,
  "contract/dags/reader": 150,
  "contract/cli/release": 130,
  "contract/actions/sync-dags": 130,
  "contract/images/images": 110,
  "unit/releases/whole/cut-code-change": 100,
  "unit/releases/whole/cut-failing-replaces": 90,
  "unit/deployments/flips": 70,
  "unit/releases/whole/cut-failing-release": 60,
  "unit/releases/whole/cut-rollback": 40,
};

const expected = new Map(Object.entries(seconds).map(([name, time]) => [`/test/${name}.test.ts`, time]));
const sizeOf = (path) => require("node:fs").statSync(path).size;
const timeOf = (path) => [...expected].find(([end]) => path.endsWith(end))?.[1] ?? 0;

module.exports = class LongestFirst {
  sort(tests) {
    const ranked = tests.map((test) => ({ test, time: timeOf(test.path), size: sizeOf(test.path) }));
    return ranked.sort((a, b) => b.time - a.time || b.size - a.size).map(({ test }) => test);
  }

  shard(tests) {
    return tests;
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
};
