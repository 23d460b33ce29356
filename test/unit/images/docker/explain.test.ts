import { isNotLetIn, lastError, warningFindings } from "../../../../src/images/docker/explain.ts";

test.each<[string, string, string | null]>([
  [
    "the last error",
    "#5 DONE\nERROR: first\nERROR: failed to solve: no such file\nView details\n",
    "failed to solve: no such file",
  ],
  ["the last line, when none is called one", "one\ntwo\n\n", "two"],
  ["without what moves a cursor", "\u001b[31mERROR:\u001b[0m broken\r\n", "[31mERROR: [0m broken"],
  ["nothing", "\n", null],
])("%s", (_name, text, expected) => {
  expect(lastError(text)).toBe(expected);
});

test.each<[boolean, string]>([
  [
    true,
    "ERROR: failed to solve: failed to push host/app: unexpected status from POST request to https://host/v2/app/blobs/uploads/: 403 Forbidden",
  ],
  [
    true,
    "ERROR: failed to solve: failed to push host/app: denied: Your authorization token has expired. Reauthenticate and try again.",
  ],
  [true, 'ERROR: failed to build: failed to do request: Head "https://host/v2/app/manifests/1": 401 Unauthorized'],
  [
    true,
    "ERROR: failed to solve: host/base:1: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
  ],
  [
    false,
    'ERROR: failed to solve: process "/bin/sh -c curl x || echo 401 Unauthorized" did not complete successfully: exit code: 1',
  ],
  [false, "#5 401 Unauthorized\nERROR: failed to solve: no such file host/app"],
  [
    true,
    `ERROR: failed to solve: failed to push host/${"app/".repeat(120)}: unexpected status from POST request to https://host/v2/: 403 Forbidden`,
  ],
  [true, "ERROR: failed to solve: failed to authorize at host: 401 Unauthorized"],
  [false, "ERROR: failed to solve: failed to fetch anonymous token for ghcr.io/some/base: 401 Unauthorized"],
  [
    false,
    "ERROR: failed to solve: failed to push not-host/app: unexpected status from POST request to https://my.host:5000/v2/app: 403 Forbidden",
  ],
])("a registry does not let the builder in: %s, from %s", (expected, errors) => {
  expect(isNotLetIn(errors, "host")).toBe(expected);
});

test("a long one is cut, and what only a secret looks like is not in it", () => {
  expect(lastError(`ERROR: ${"x".repeat(500)}`)?.length).toBeLessThanOrEqual(401);
  expect(lastError("ERROR: clone of https://me:hunter22@host/x failed")).toBe("clone of (hidden)host/x failed");
});

test("warnings are told at their lines, with Docker's page of the check and no other", () => {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  const warning = (url: string): Parameters<typeof warningFindings>[0][number] => ({
    short: encode("StageNameCasing: Stage name 'A' should be lowercase"),
    detail: [encode("Stage names should be lowercase")],
    url,
    range: [{ start: { line: 3 } }],
  });
  const page = "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/";
  expect(
    warningFindings([warning(page), warning("https://elsewhere/"), { short: encode("odd") }], "docker/Dockerfile"),
  ).toEqual([
    {
      id: "dockerfile-check",
      level: "warning",
      where: { file: "docker/Dockerfile", line: 3, column: 1 },
      what: "BuildKit says of the Dockerfile: StageNameCasing: Stage name 'A' should be lowercase.",
      fix: "Stage names should be lowercase",
      source: page,
    },
    expect.not.objectContaining({ source: expect.anything() as unknown }),
    expect.objectContaining({
      where: { file: "docker/Dockerfile", line: 1, column: 1 },
      fix: "See Docker's page of this check.",
    }),
  ]);
});

test("a base of another architecture is an error", () => {
  const short = Buffer.from("InvalidBaseImagePlatform: Base image a was pulled with another platform").toString(
    "base64",
  );
  expect(warningFindings([{ short }], "Dockerfile")[0]?.level).toBe("error");
});
