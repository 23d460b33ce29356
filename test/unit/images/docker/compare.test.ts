import type { Digest } from "../../../../src/domain/identifiers.ts";
import { changesInBuild, readRecordedDockerInputs, recordDockerInputs } from "../../../../src/images/docker/compare.ts";
import { type DockerInputs, dockerKey } from "../../../../src/images/docker/inputs.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const inputs: DockerInputs = {
  scheme: "docker-1",
  platform: "linux/amd64",
  dockerfile: "d1",
  target: null,
  arguments: { A: "1", B: "2" },
  secrets: ["token"],
  provenance: "off",
  images: { "python:3.12": digest("1"), "node:22": null },
  files: { "app/main.py": "0644 aa", "run.sh": "0755 bb" },
};
const names = { context: "src", dockerfile: "docker/Dockerfile" };

const changed: readonly (readonly [Partial<DockerInputs>, readonly string[]])[] = [
  [{ platform: "linux/arm64" }, ["platform linux/amd64 is now linux/arm64"]],
  [{ dockerfile: "d2" }, ["docker/Dockerfile changed"]],
  [{ target: "production" }, ["the target (the last stage) is now production"]],
  [{ arguments: { A: "9", C: "3" } }, ["argument A changed", "argument B is gone", "argument C is new"]],
  [{ images: { "python:3.12": digest("2"), "node:22": null } }, ["the image python:3.12 changed"]],
  [{ images: { "python:3.12": digest("1"), "node:22": digest("3") } }, ["the image node:22 changed"]],
  [{ secrets: ["token", "pip"] }, ["other secrets are given to the build"]],
  [{ provenance: "max" }, ["provenance is now max"]],
  [
    { files: { "app/main.py": "0644 cc", new: "0644 dd" } },
    ["src/app/main.py changed", "src/new added", "src/run.sh removed"],
  ],
];

test.each(changed)("%j is another content, and is said", (more, expected) => {
  const former = readRecordedDockerInputs(recordDockerInputs(inputs));
  if (former === null) throw new Error("the label cannot be read");
  expect(changesInBuild(former, { ...inputs, ...more }, names)).toEqual(expected);
  expect(dockerKey({ ...inputs, ...more })).not.toBe(dockerKey(inputs));
});

test("the same inputs in another order are the same content, and nothing is said", () => {
  const other: DockerInputs = {
    ...inputs,
    arguments: { B: "2", A: "1" },
    files: { "run.sh": "0755 bb", "app/main.py": "0644 aa" },
  };
  const former = readRecordedDockerInputs(recordDockerInputs(inputs));
  if (former === null) throw new Error("the label cannot be read");
  expect(changesInBuild(former, other, names)).toEqual([]);
  expect(dockerKey(other)).toBe(dockerKey(inputs));
  expect(recordDockerInputs(other)).toBe(recordDockerInputs(inputs));
});

test("the label stays short, and tells no value of an argument", () => {
  const files = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`app/file${index}.py`, "0644 aa"]));
  const label = recordDockerInputs({ ...inputs, files, arguments: { GREETING: "hello-world" } });
  expect(label.length).toBeLessThan(8192);
  expect(label).not.toContain("hello-world");
  const former = readRecordedDockerInputs(label);
  expect(former?.files).toBeNull();
});

test.each([undefined, "", "{}", '{"platform":"linux/amd64","base":"x"}'])(
  "a label of another way tells nothing: %s",
  (label) => {
    expect(readRecordedDockerInputs(label)).toBeNull();
  },
);

test("a new lock file that the Dockerfile says it installs is told as such", () => {
  const of = (lock: string): DockerInputs => ({ ...inputs, lock: lock.repeat(64) });
  const former = readRecordedDockerInputs(recordDockerInputs(of("1")));
  if (former === null) throw new Error("it was not recorded");
  const where = { context: ".", dockerfile: "Dockerfile" };
  expect(changesInBuild(former, of("2"), where)).toEqual(["the lock file changed"]);
  expect(changesInBuild(former, of("1"), where)).toEqual([]);
});
