import { whyNot } from "../../local-aws/runtimes/process/refusals.ts";

const offer = { platform: "linux/amd64", pythonMinor: "3.11" };
const wish = { platform: "linux/amd64", command: ["dagster", "api", "grpc", "-m", "app"], pythonVersion: "3.11.2" };

test("a container is played when platform and Python are this machine's", () => {
  expect(whyNot(wish, offer)).toBeNull();
  expect(whyNot({ ...wish, pythonVersion: undefined }, offer)).toBeNull();
});

test.each([
  ["another platform", { platform: "linux/arm64" }, "cannot run linux/arm64"],
  ["another Python", { pythonVersion: "3.12.1" }, "made for Python 3.12"],
  ["-f", { command: ["dagster", "api", "grpc", "-f", "defs.py"] }, "started with -f"],
  ["-d", { command: ["dagster", "api", "grpc", "-m", "app", "-d", "/app"] }, "started with -d"],
  ["--python-file=", { command: ["dagster", "code-server", "start", "--python-file=x.py"] }, "--python-file=x.py"],
  ["a module run", { command: ["python3", "-m", "dagster", "api", "grpc", "-f", "x"] }, "started with -f"],
])("%s is refused, with the reason", (_what, difference, reason) => {
  expect(whyNot({ ...wish, ...difference }, offer)).toContain(reason);
});

test.each([[["dagster-webserver", "-w", "workspace.yaml", "-d", "/app"]], [["rm", "-f", "x"]]])(
  "%j is nobody's code server",
  (command) => {
    expect(whyNot({ ...wish, command }, offer)).toBeNull();
  },
);
