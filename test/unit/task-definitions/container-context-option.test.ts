import { faultsOf } from "../../../src/task-definitions/judge.ts";

const purpose = {
  kind: "code-location",
  container: "code",
  port: 4000,
  platform: "linux/amd64",
  launches: false,
  locations: 1,
  carriesRuns: false,
  onFargate: false,
  commit: "0123456789abcdef0123456789abcdef01234567",
  before: null,
  judged: new Set<string>(),
} as const;
const grpc = ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "shop"];

test.each<[readonly string[], boolean, boolean]>([
  [[...grpc, "--container-context", '{"ecs":{}}'], false, true],
  [[...grpc, '--container-context={"ecs":{}}'], false, true],
  [["sh", "-c", `exec ${grpc.join(" ")} --container-context '{"ecs":{}}'`], false, true],
  [grpc, false, false],
  [[...grpc, "--container-image", "x"], false, false],
  [[...grpc, "--container-context", '{"ecs":{}}'], true, false],
])("of the command %j (runs inside: %s), another run definition is an error: %s", (command, carriesRuns, isFault) => {
  const containerDefinitions = [{ name: "code", image: "i@sha256:1", command }];
  const found = faultsOf({ containerDefinitions }, { ...purpose, carriesRuns });
  expect(found.filter(({ id, level }) => id === "container-context-option" && level === "error")).toHaveLength(
    isFault ? 1 : 0,
  );
});
