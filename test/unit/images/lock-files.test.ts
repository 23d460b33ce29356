import { exportProgram } from "../../../src/images/export-lock.ts";
import { readLock } from "../../../src/images/lock-files.ts";
import { isWanted } from "../../../src/images/markers.ts";

const hash = "a".repeat(64);
const other = "b".repeat(64);

const uvLock = `version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "dagster" },
]

[[package]]
name = "dagster"
version = "1.12.3"
source = { registry = "https://pypi.org/simple" }
wheels = [
    { url = "https://files.example.com/dagster-1.12.3-py3-none-any.whl", hash = "sha256:${hash}", size = 1 },
]

[[package]]
name = "in-house"
version = "2.0"
source = { registry = "https://packages.example.com/simple" }

[[package]]
name = "shared"
source = { editable = "libs/shared" }
`;

test("uv.lock tells versions, folders and indexes; what is installed is uv's to say", () => {
  expect(readLock(uvLock, "code/uv.lock", ["jobs"])).toEqual({
    requirements: [
      { name: "app", version: "0.1.0", marker: null, text: "", local: null, line: 6 },
      { name: "dagster", version: "1.12.3", marker: null, text: "", local: null, line: 14 },
      { name: "in-house", version: "2.0", marker: null, text: "", local: null, line: 22 },
      { name: "shared", version: null, marker: null, text: "", local: "libs/shared", line: 27 },
    ],
    sources: ["--extra-index-url https://packages.example.com/simple"],
    exporter: { tool: "uv", groups: ["jobs"] },
  });
});

test("poetry.lock tells versions and folders; what is installed is Poetry's to say", () => {
  const text = `[[package]]
name = "dagster"
version = "1.12.3"
groups = ["main"]
files = [
    {file = "dagster-1.12.3-py3-none-any.whl", hash = "sha256:${hash}"},
]

[[package]]
name = "shared"
version = "0.2.0"
develop = true

[package.source]
type = "directory"
url = "libs/shared"

[metadata]
lock-version = "2.1"
content-hash = "c"
`;
  expect(readLock(text, "poetry.lock", [])).toEqual({
    requirements: [
      { name: "dagster", version: "1.12.3", marker: null, text: "", local: null, line: 2 },
      { name: "shared", version: "0.2.0", marker: null, text: "", local: "libs/shared", line: 10 },
    ],
    sources: [],
    exporter: { tool: "poetry", groups: [] },
  });
});

const pylock = `lock-version = "1.0"
created-by = "uv"
dependency-groups = ["dev", "jobs"]

[[packages]]
name = "dagster"
version = "1.12.3"
index = "https://pypi.org/simple"
sdist = { url = "https://files.example.com/dagster.tar.gz", hashes = { sha256 = "${other}" } }
wheels = [
    { url = "https://files.example.com/dagster.whl", hashes = { sha256 = "${hash}" } },
]

[[packages]]
name = "tomli"
version = "2.0"
marker = "python_version < '3.12' and 'jobs' in dependency_groups"
wheels = [{ url = "https://files.example.com/tomli.whl", hashes = { sha256 = "${hash}" } }]

[[packages]]
name = "archived"
archive = { url = "https://files.example.com/archived.zip", hashes = { sha256 = "${hash}" } }
[[packages]]
name = "vendored"
archive = { path = "vendor/vendored-1.0-py3-none-any.whl", hashes = { sha256 = "${hash}" } }

[[packages]]
name = "shared"
directory = { path = "libs/shared", editable = false }
`;

test("pylock.toml needs no tool", () => {
  const lock = readLock(pylock, "pylock.prod.toml", []);
  expect(lock).toMatchObject({ sources: [], exporter: null });
  expect(lock.requirements.map(({ text, local, line }) => ({ text, local, line }))).toEqual([
    { text: `dagster==1.12.3 --hash=sha256:${hash} --hash=sha256:${other}`, local: null, line: 6 },
    { text: `tomli==2.0 --hash=sha256:${hash}`, local: null, line: 15 },
    { text: `archived @ https://files.example.com/archived.zip --hash=sha256:${hash}`, local: null, line: 21 },
    { text: `./vendor/vendored-1.0-py3-none-any.whl --hash=sha256:${hash}`, local: null, line: 24 },
    { text: "", local: "libs/shared", line: 28 },
  ]);
});

test.each([
  [[], "3.11", false],
  [["jobs"], "3.11", true],
  [["jobs"], "3.12", false],
  [["dev"], "3.11", false],
])("of pylock.toml, groups %p on Python %s", (groups, python, wanted) => {
  const [, tomli] = readLock(pylock, "pylock.toml", groups).requirements;
  expect(isWanted(tomli?.marker ?? "", { platform: "linux/amd64", python })).toBe(wanted);
});

test.each([
  ["pylock.toml", pylock, ["none"], "The lock file has no group none; it has dev, jobs."],
  ["pylock.toml", pylock.replace('"1.0"', '"2.0"'), [], "version 2.0 of its format"],
  [
    "pylock.toml",
    'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\nindex = "https://u:hunter2@example.com/simple"\n',
    [],
    "holds a password for where a comes from",
  ],
  ["pylock.toml", '[[packages]]\nname = "a"\n', [], "pylock.toml is not a lock file as its name says"],
  [
    "pylock.toml",
    'lock-version = "1.0"\n[[packages]]\nname = "a"\nvcs = { type = "git", url = "x", commit-id = "y" }\n',
    [],
    "a is pinned by no hash: it comes from a repository.",
  ],
  ["uv.lock", "not = [toml", [], "uv.lock is not a lock file as its name says"],
  ["requirements.lock", `a==1 --hash=sha256:${hash}`, ["dev"], "A lock file in pip's format has no groups, and dev is"],
])("%s is refused when it cannot be used: %#", (file, text, groups, words) => {
  expect(() => readLock(text, file, groups)).toThrow(words);
});

test.each([
  [
    "uv" as const,
    ["jobs", "web"],
    "export --quiet --locked --format requirements-txt --no-header --no-annotate --no-emit-project --no-default-groups --group jobs --group web",
  ],
  [
    "uv" as const,
    [],
    "export --quiet --locked --format requirements-txt --no-header --no-annotate --no-emit-project --no-default-groups",
  ],
  ["poetry" as const, ["jobs"], "export --no-interaction --no-ansi --format requirements.txt --with jobs"],
  ["poetry" as const, [], "export --no-interaction --no-ansi --format requirements.txt"],
])("how %s is asked for groups %p", (tool, groups, words) => {
  expect(exportProgram(tool, groups, "/work")).toMatchObject({
    command: tool,
    args: words.split(" "),
    cwd: "/work",
    variables: "guest", // a package of the checkout may be run to learn what it needs
  });
});
