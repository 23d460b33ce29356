import { UserError } from "../../../src/domain/errors.ts";
import { endpointOf, parseReference, wanted } from "../../../src/images/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each([
  ["base", null, "base", null, null],
  ["base:3.12", null, "base", "3.12", null],
  ["team/base:3.12", null, "team/base", "3.12", null],
  [`team/base@${digest}`, null, "team/base", null, digest],
  [`base:3.12@${digest}`, null, "base", "3.12", digest],
  ["public.ecr.aws/docker/library/python:3.12-slim", "public.ecr.aws", "docker/library/python", "3.12-slim", null],
  ["localhost/base", "localhost", "base", null, null],
  ["127.0.0.1:5000/base:1", "127.0.0.1:5000", "base", "1", null],
  ["registry:5000/base", "registry:5000", "base", null, null],
  ["docker.io/python:3.12", "docker.io", "library/python", "3.12", null],
  ["docker.io/team/base", "docker.io", "team/base", null, null],
  ["ghcr.io/a/b_c/d--e.f", "ghcr.io", "a/b_c/d--e.f", null, null],
])("%s", (text, host, repository, tag, pinned) => {
  expect(parseReference(text, "base")).toEqual({ host, repository, tag, digest: pinned });
});

test.each([
  "",
  "Base",
  "a//b",
  "base:",
  "base:-x",
  "base@sha256:abc",
  "base@",
  `base@${digest}x`,
  "host.name/",
  "http://h/a",
  "a b",
  "ho_st.x/a",
])("%j names no image", (text) => {
  expect(() => parseReference(text, "images.app.layers.base")).toThrow(UserError);
  expect(() => parseReference(text, "images.app.layers.base")).toThrow("where: images.app.layers.base");
});

test("the digest counts, else the tag, else latest", () => {
  expect(wanted(parseReference(`base:1@${digest}`, ""))).toBe(digest);
  expect(wanted(parseReference("base:1", ""))).toBe("1");
  expect(wanted(parseReference("base", ""))).toBe("latest");
});

test.each([
  ["public.ecr.aws", "https://public.ecr.aws"],
  ["docker.io", "https://registry-1.docker.io"],
  ["localhost:5000", "http://localhost:5000"],
  ["127.1.2.3:5000", "http://127.1.2.3:5000"],
  ["127.0.0.1.example.com", "https://127.0.0.1.example.com"],
  ["localhost.example.com", "https://localhost.example.com"],
])("%s answers at %s", (host, endpoint) => {
  expect(endpointOf(host)).toBe(endpoint);
});
