import { faultsOf } from "../../../src/task-definitions/judge.ts";

const purpose = {
  kind: "run",
  container: "run",
  port: null,
  platform: "linux/amd64",
  launches: false,
  locations: 1,
  carriesRuns: false,
  onFargate: false,
  commit: "0123456789abcdef0123456789abcdef01234567",
  before: null,
  judged: new Set<string>(),
} as const;

test.each<[readonly string[], string | null]>([
  [["sh", "-c", 'exec "$@"', "--"], null],
  [["bash", "-lc", '. /env && exec "$@"', "bash"], null],
  [["bash", "-c", 'set -e\n. /env\nexec "$@"\n', "--"], null],
  [["tini", "--"], null],
  [["/usr/bin/tini", "-g", "-p", "SIGTERM", "--"], null],
  [["dumb-init", "--"], null],
  [["/usr/libexec/podman/catatonit"], null],
  [["tini", "--", "sh", "-c", 'exec "$@"', "--"], null],
  [["sh", "-c"], "error"],
  // The first word of the command becomes $0, and is lost.
  [["sh", "-c", 'exec "$@"'], "error"],
  [["sh", "-c", 'echo exec "$@"', "--"], "error"],
  [["sh", "-c", 'exec "$@" > /log; true', "--"], "error"],
  [["tini", "--", "dagster"], "error"],
  [["dagster"], "error"],
  [["/usr/local/bin/python3.12", "-m", "app"], "error"],
  [["python"], "error"],
  [["/opt/python/entry.sh"], "warning"],
])("of the entry point %j, runs make %s", (entryPoint, level) => {
  const found = faultsOf({ containerDefinitions: [{ name: "run", image: "i@sha256:1", entryPoint }] }, purpose);
  expect(found.find(({ id }) => id === "run-entry-point")?.level ?? null).toBe(level);
});
