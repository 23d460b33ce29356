import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { checkInstance } from "../../../src/releases/instance-checks.ts";
import { readYaml } from "../../../src/stack/yaml.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { contract, stackOf, withTop } from "../../unit/stack/reading.ts";

// The files of docker/, as they are read by others. That they build and run is test/e2e/docker.

const lockFile = fileURLToPath(new URL("../../fixtures/python/linters.txt", import.meta.url));

/** What hadolint says of a Dockerfile. */
async function hadolint(dockerfile: string): Promise<string> {
  const program = join(await installedPackages(await machinePython(), lockFile, { compile: false }), "bin/hadolint");
  const asked = promisify(execFile)(program, ["--no-fail", "-"]);
  asked.child.stdin?.end(dockerfile);
  return (await asked).stdout;
}

test.each(["docker/Dockerfile", "docker/nginx/Dockerfile"])("hadolint finds nothing in %s", async (path) => {
  expect(await hadolint(await readFile(path, "utf8"))).toBe("");
});

test("hadolint finds what is wrong", async () => {
  expect(await hadolint("FROM python:latest\nRUN pip install dagster\nUSER app\n")).toMatch(/DL3007[^]*DL3013/);
});

test("shellcheck finds nothing in the script that starts nginx", async () => {
  expect(await promisify(execFile)("shellcheck", ["docker/nginx/start.sh"])).toEqual({ stdout: "", stderr: "" });
});

test("every package of the hosts is pinned with hashes", async () => {
  const packages = (await readFile("docker/requirements.lock", "utf8")).split(/^(?=[a-z])/m).slice(1);
  expect(packages.length).toBeGreaterThan(50);
  expect(packages.filter((one) => !/^[\w.-]+==\S+[^]*--hash=sha256:[0-9a-f]{64}/.test(one))).toEqual([]);
});

test("the instance file is one with which the checks find nothing wrong", async () => {
  const text = await readFile("docker/dagster.yaml", "utf8");
  const { tree } = readYaml(text, "docker/dagster.yaml");
  const stack = stackOf(
    withTop(
      stringify({
        images: { app: { repository: "shop", layers: { base: "b" } } },
        services: {
          code: { kind: "code-location", image: "app", location: "shop", module: "m", address: "c" },
          daemon: { kind: "daemon", image: "app" },
        },
        runs: { image: "app" },
      }),
    ),
    { contract: contract() },
  );
  const names = ["DAGSTER_PG_HOST", "DAGSTER_PG_PORT", "DAGSTER_PG_DB", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD"];
  const process = (name: string, variables: readonly string[]): object => ({
    containerDefinitions: [{ name, environment: variables.map((variable) => ({ name: variable, value: "x" })) }],
  });
  const judged = (variables: readonly string[]): readonly string[] =>
    checkInstance(stack, { instanceFile: { tree, others: [] }, images: {} }, {
      "service/daemon": process("daemon", variables),
      "run/shop": process("run", variables),
    } as never).map(({ id }) => id);
  expect(judged([...names, "DAGSTER_S3_BUCKET"])).toEqual([]);
  expect(judged(names)).toEqual(["instance-variable-missing", "instance-variable-missing"]);
});
