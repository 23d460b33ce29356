import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const dockerfiles = execFileSync("git", ["ls-files", "examples", "docker"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((path) => /(^|\/)([^/]+\.)?Dockerfile[^/]*$/.test(path));

test("there are Dockerfiles in both folders", () => {
  expect(new Set(dockerfiles.map((path) => path.split("/")[0]))).toEqual(new Set(["docker", "examples"]));
});

test.each(dockerfiles)(
  "%s takes its base as the argument BASE, so that it builds where only a mirror can be reached",
  (path) => {
    const text = readFileSync(join(root, path), "utf8");
    const stages = new Set([...text.matchAll(/^FROM .* AS (\S+)$/gim)].map(([, name]) => name));
    const bases = [...text.matchAll(/^FROM (?:--\S+ )*(\S+)/gim)].map(([, base = ""]) => base);
    expect(text).toMatch(/^ARG BASE=\S+$/m);
    expect(bases.filter((base) => base !== "${BASE}" && !stages.has(base))).toEqual([]);
  },
);
