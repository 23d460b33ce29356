import { faultsOf } from "../../../src/task-definitions/judge.ts";

const purpose = {
  kind: "webserver",
  container: "web",
  port: 3001,
  platform: "linux/amd64",
  launches: false,
  locations: 0,
  carriesRuns: false,
  onFargate: false,
  commit: "0123456789abcdef0123456789abcdef01234567",
  before: null,
  judged: new Set<string>(),
} as const;

test.each<[readonly string[], readonly string[]]>([
  [["-h", "0.0.0.0", "-p", "3001"], []],
  [["-h0.0.0.0", "-p3001"], []],
  [["--host=0.0.0.0", "--port=3001"], []],
  [["-h0.0.0.0", "-p3000"], ["port-unheard"]],
  [["-h127.0.0.1", "--port", "3001"], ["listens-locally"]],
  [["-p3001"], ["listens-locally"]],
])("where a webserver listens is read from %j, as click reads it", (options, ids) => {
  const command = ["dagster-webserver", ...options];
  const found = faultsOf({ containerDefinitions: [{ name: "web", image: "i@sha256:1", command }] }, purpose);
  expect(found.map(({ id }) => id).filter((id) => id === "port-unheard" || id === "listens-locally")).toEqual(ids);
});

test.each([
  [3001, []],
  [8080, ["listens-locally", "port-unheard"]],
])("a container beside it that opens port %d leads to it, or does not", (containerPort, ids) => {
  const command = ["dagster-webserver", "-h", "127.0.0.1", "-p", "3000"];
  const containerDefinitions = [
    { name: "web", image: "i@sha256:1", command },
    { name: "nginx", image: "n@sha256:1", portMappings: [{ containerPort }] },
  ];
  const found = faultsOf({ containerDefinitions }, purpose).map(({ id }) => id);
  expect(found.filter((id) => id === "port-unheard" || id === "listens-locally")).toEqual(ids);
});
