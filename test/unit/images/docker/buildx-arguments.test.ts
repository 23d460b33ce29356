import type { Digest } from "../../../../src/domain/identifiers.ts";
import { again, type Build, buildxArguments } from "../../../../src/images/docker/buildx-arguments.ts";

const digest = `sha256:${"1".repeat(64)}` as Digest;
const least: Build = {
  builder: null,
  platform: "linux/amd64",
  dockerfile: "/tmp/build/Dockerfile",
  context: "/checkout",
  target: null,
  arguments: {},
  secrets: {},
  images: {},
  labels: {},
  destination: "host/app",
  cacheTag: null,
  cacheFrom: [],
  cacheTo: [],
  noCache: false,
  provenance: "off",
  metadata: "/tmp/metadata.json",
};
const output = "type=image,name=host/app,push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true";

test("the least that is told", () => {
  expect(buildxArguments(least)).toEqual([
    "buildx",
    "build",
    "--progress",
    "plain",
    "--platform",
    "linux/amd64",
    "--file",
    "/tmp/build/Dockerfile",
    "--provenance=false",
    "--sbom=false",
    "--metadata-file",
    "/tmp/metadata.json",
    "--output",
    output,
    "/checkout",
  ]);
});

test.each<[string, Partial<Build>, readonly string[]]>([
  ["a builder", { builder: "big" }, ["--builder", "big"]],
  ["a target", { target: "production" }, ["--target", "production"]],
  [
    "arguments, in an order of their own",
    { arguments: { B: "2 words", A: "1" } },
    ["--build-arg", "A=1", "--build-arg", "B=2 words"],
  ],
  [
    "a secret of a variable, by the variable's name",
    { secrets: { token: { kind: "variable", name: "TOKEN" } } },
    ["--secret", "id=token,env=TOKEN"],
  ],
  [
    "a secret of a file",
    { secrets: { pip: { kind: "file", path: "/x/pip.conf" } } },
    ["--secret", "id=pip,src=/x/pip.conf"],
  ],
  [
    "a file whose name has a comma",
    { secrets: { pip: { kind: "file", path: '/x,"y' } } },
    ["--secret", 'id=pip,"src=/x,""y"'],
  ],
  [
    "images at their digests",
    { images: { "python:3.12": digest } },
    ["--build-context", `python:3.12=docker-image://python:3.12@${digest}`],
  ],
  [
    "one that is pinned already",
    { images: { [`a@${digest}`]: digest } },
    ["--build-context", `a@${digest}=docker-image://a@${digest}`],
  ],
  ["labels", { labels: { a: "{}" } }, ["--label", "a={}"]],
  [
    "a cache, as ECR takes it",
    { cacheTag: "cache" },
    [
      "--cache-from",
      "type=registry,ref=host/app:cache",
      "--cache-to",
      "type=registry,ref=host/app:cache,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
    ],
  ],
  ["caches of other kinds", { cacheFrom: ["type=gha"] }, ["--cache-from", "type=gha"]],
  ["where to keep them", { cacheTo: ["type=gha,mode=max"] }, ["--cache-to", "type=gha,mode=max"]],
  ["no cache at all", { noCache: true }, ["--no-cache"]],
])("%s", (_name, more, expected) => {
  const args = buildxArguments({ ...least, ...more });
  const at = args.indexOf(expected[0] ?? "");
  expect(args.slice(at, at + expected.length)).toEqual(expected);
});

test("provenance, in the form that ECR takes", () => {
  const args = buildxArguments({ ...least, provenance: "max" });
  expect(args).toContain("--provenance=mode=max");
  expect(args).toContain(`${output},oci-artifact=false`);
});

test.each<[boolean, boolean, string]>([
  [false, true, "ERROR: failed to solve: failed to push host/app: 403 Forbidden"],
  [true, true, "ERROR: failed to solve: host/base:1: 403 Forbidden"],
  [false, false, "ERROR: failed to solve: host/base:1: 403 Forbidden"],
])(
  "the build after a refused one makes all of it anew: %s, where it was to: %s, and met %s",
  (expected, noCache, errors) => {
    expect(buildxArguments(again({ ...least, noCache }, errors)).includes("--no-cache")).toBe(expected);
  },
);
