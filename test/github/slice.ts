/**
 * Cuts the operations that the product uses out of GitHub's OpenAPI description:
 * `node test/github/slice.ts path/to/@octokit/openapi/generated/api.github.com.json`
 * The package is large; only the slice is kept here.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const operations: Readonly<Record<string, readonly string[]>> = {
  "/repos/{owner}/{repo}/actions/runs/{run_id}": ["get"],
  "/repos/{owner}/{repo}/compare/{basehead}": ["get"],
  "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["delete", "patch"],
  "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/files": ["get"],
};

type Node = Record<string, unknown>;
interface Description {
  readonly openapi: string;
  readonly info: Node;
  readonly paths: Record<string, Node>;
  readonly components: Record<string, Node>;
}

const [, , source] = process.argv;
if (source === undefined) throw new Error("which file is GitHub's description?");
const whole = JSON.parse(readFileSync(source, "utf8")) as Description;
const slice: Description = { openapi: whole.openapi, info: whole.info, paths: {}, components: {} };
const wanted: string[] = [];

for (const [path, methods] of Object.entries(operations)) {
  const all = whole.paths[path];
  if (all === undefined) throw new Error(`GitHub's description has no ${path}`);
  slice.paths[path] = Object.fromEntries(methods.map((method) => [method, trimmed(all[method])]));
}
for (let reference = wanted.shift(); reference !== undefined; reference = wanted.shift()) {
  const [, , kind = "", name = ""] = reference.split("/");
  const section = (slice.components[kind] ??= {});
  section[name] ??= trimmed(whole.components[kind]?.[name]);
}
writeFileSync(join(import.meta.dirname, "api.github.com.json"), `${JSON.stringify(slice)}\n`);

/** Without examples and GitHub's own notes; what it refers to is wanted as well. */
function trimmed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(trimmed);
  if (typeof node !== "object" || node === null) return node;
  const { $ref } = node as { $ref?: string };
  if ($ref !== undefined) {
    const [, , kind = "", name = ""] = $ref.split("/");
    if (slice.components[kind]?.[name] === undefined) wanted.push($ref);
  }
  const kept = Object.entries(node).filter(
    ([key]) => !["examples", "example", "x-github", "externalDocs"].includes(key),
  );
  const result = Object.fromEntries(kept.map(([key, value]) => [key, trimmed(value)]));
  if (result["nullable"] !== true || result["type"] !== undefined) return result;
  // OpenAPI 3.0 writes `nullable` beside a reference; JSON Schema has no such thing.
  const rest = Object.fromEntries(Object.entries(result).filter(([key]) => key !== "nullable"));
  return { anyOf: [rest, { type: "null" }] };
}
