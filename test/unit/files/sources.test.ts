import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import fc from "../../properties.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { contentKey, type Inputs } from "../../../src/images/content-key.ts";
import { readSources, type Sources } from "../../../src/files/sources.ts";
import { digestOf } from "../../../src/images/manifest.ts";
import { errorOf } from "../../error-of.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sources-"));
});
afterEach(() => rm(root, { recursive: true }));

async function write(files: Readonly<Record<string, string>>, mode = 0o644): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
    await chmod(join(root, path), mode);
  }
}

const read = (from: string, to: string, generated = {}): Promise<Sources> =>
  readSources({ root, files: [{ from, to }], generated }, new AbortController().signal);

const hashOf = (text: string): string => digestOf(Buffer.from(text)).slice("sha256:".length);

function inputs(files: Sources["files"]): Inputs {
  return {
    scheme: 4,
    groups: [],
    localPackages: {},
    prepare: [],
    user: null,
    platform: "linux/amd64",
    base: digestOf(Buffer.from("base")),
    python: null,
    requirements: null,
    workdir: "/app",
    environment: {},
    files,
  };
}

test.each([
  ["app", "/srv/app", ["srv/app/a.py", "srv/app/nested/b.py"]],
  ["app", "/srv/app/", ["srv/app/a.py", "srv/app/nested/b.py"]],
  ["app", "/", ["a.py", "nested/b.py"]],
  ["./app/nested", "/srv", ["srv/b.py"]],
  ["app/a.py", "/srv/main.py", ["srv/main.py"]],
  ["app/a.py", "/srv/", ["srv/a.py"]],
  [".", "/srv", ["srv/app/a.py", "srv/app/nested/b.py", "srv/other.txt"]],
])("copies %s to %s as COPY does", async (from, to, expected) => {
  await write({ "app/a.py": "", "app/nested/b.py": "", "other.txt": "" });
  expect(Object.keys((await read(from, to)).files).sort()).toEqual(expected);
});

test("folders below the one that is copied are members; that one, those above it and empty ones are not", async () => {
  await write({ "app/x/y/z.py": "", "app/top.py": "" });
  await mkdir(join(root, "app/empty/too"), { recursive: true });
  const { entries } = await read("app", "/home/user/app", { "/home/user/etc/settings.yaml": "" });
  const folders = entries.filter(({ kind }) => kind === "directory").map(({ path }) => path);
  expect(folders.sort()).toEqual(["home/user/app/x", "home/user/app/x/y"]);
});

test("each file stands for its mode and its content", async () => {
  await write({ "app/a.py": "a" }, 0o600);
  await write({ "app/run.sh": "b" }, 0o750);
  await symlink("a.py", join(root, "app/link"));
  const { files, size } = await read("app", "/app", { "/app/made.yaml": "c" });
  expect(files).toEqual({
    "app/a.py": `0644 ${hashOf("a")}`,
    "app/run.sh": `0755 ${hashOf("b")}`,
    "app/link": "link a.py",
    "app/made.yaml": `0644 ${hashOf("c")}`,
  });
  expect(size).toBe(3);
});

test("what .dockerignore leaves out, git's own files and byte code are not copied", async () => {
  await write({
    "app/a.py": "",
    "app/.git/HEAD": "",
    "app/sub/.git": "gitdir: elsewhere",
    "app/__pycache__/a.cpython-311.pyc": "",
    "app/old.pyc": "",
    "app/data/large.csv": "",
    "app/data/keep.csv": "",
    ".dockerignore": "app/data\n!app/data/keep.csv\n",
  });
  expect(Object.keys((await read("app", "/app")).files).sort()).toEqual(["app/a.py", "app/data/keep.csv"]);
  expect(Object.keys((await read(".", "/")).files)).toContain(".dockerignore");
});

test("of two that go to one place, the later one counts", async () => {
  await write({ "a/settings.py": "a", "b/settings.py": "b" });
  const files = [
    { from: "a", to: "/app" },
    { from: "b", to: "/app" },
  ];
  const sources = await readSources({ root, files, generated: {} }, new AbortController().signal);
  expect(sources.files).toEqual({ "app/settings.py": `0644 ${hashOf("b")}` });
  expect(sources.entries).toHaveLength(1);
});

test.each<[what: string, prepare: () => Promise<unknown>, from: string, to: string, words: string]>([
  ["what is not there", async () => undefined, "app", "/app", "There is no app in the checkout"],
  ["a place outside the checkout", async () => undefined, "..", "/app", ".. lies outside the checkout"],
  [
    "a place outside the checkout, by a link",
    () => symlink(tmpdir(), join(root, "app")),
    "app",
    "/app",
    "app lies outside the checkout",
  ],
  [
    "an empty folder",
    () => mkdir(join(root, "app/x"), { recursive: true }),
    "app",
    "/app",
    "There is nothing to copy in app",
  ],
  [
    "a folder that is left out",
    () => write({ "app/a.py": "", ".dockerignore": "app" }),
    "app",
    "/app",
    "There is nothing to copy in app",
  ],
  [
    "a file that is left out",
    () => write({ "a.py": "", ".dockerignore": "*.py" }),
    "a.py",
    "/app/a.py",
    "There is nothing to copy in a.py",
  ],
  ["a relative place in the image", () => write({ "app/a.py": "" }), "app", "app", '"app" is no path in an image'],
  [
    "a folder that is a link in most bases",
    () => write({ "app/run.sh": "" }),
    "app",
    "/bin",
    "/bin/run.sh lies in /bin, which is a link to /usr/bin in most base images",
  ],
  [
    "a folder of the loader",
    () => write({ "lib64/a.so": "" }),
    "lib64",
    "/lib64/",
    "Put it to /usr/lib64/a.so, or to a folder of its own",
  ],
  [
    "a place above the image",
    () => write({ "app/a.py": "" }),
    "app",
    "/app/../../etc",
    '"/app/../../etc" is no path in an image',
  ],
])("refuses %s", async (_, prepare, from, to, words) => {
  await prepare();
  const failure = await errorOf(read(from, to));
  expect(failure).toBeInstanceOf(UserError);
  expect(String(failure)).toContain(words);
});

test("says of an image that .dockerignore leaves out what cannot be packed", async () => {
  await write({ "app/a.py": "" });
  await symlink("/etc/passwd", join(root, "app/link"));
  const failure = (await errorOf(read("app", "/app"))) as UserError;
  expect(failure.fix).toBe("Copy the file itself, or leave it out by a line in .dockerignore.");
});

test("names the place where the user wrote it", async () => {
  const place = { file: "dagster-stack.yml", line: 8, column: 24 };
  const files = [{ from: "app", to: "/app", place }];
  const failure = await errorOf(readSources({ root, files, generated: {} }, new AbortController().signal));
  expect(failure).toMatchObject({ where: place });
});

test("a link may lead to what is copied from elsewhere", async () => {
  await write({ "a/x.py": "", "b/y.py": "" });
  await symlink("../code/y.py", join(root, "a/link"));
  const files = [
    { from: "a", to: "/app" },
    { from: "b", to: "/code" },
  ];
  const sources = await readSources({ root, files, generated: {} }, new AbortController().signal);
  expect(sources.files["app/link"]).toBe("link ../code/y.py");
});

test("the name of the checkout is no way into the image", async () => {
  await write({ "a.py": "" });
  await symlink(`../${basename(root)}/a.py`, join(root, "link"));
  await expect(read(".", "/srv")).rejects.toThrow("which is not copied with it");
});

test.each([".wh.a.py", ".wh..wh..opq", ".wh.folder/a.py"])(
  "refuses %s, which would hide files of the base",
  async (name) => {
    await write({ [`app/${name}`]: "" });
    await expect(read("app", "/app")).rejects.toThrow("hides files of the base image");
  },
);

test("refuses a name that is not UTF-8", async () => {
  await write({ "app/a.py": "" });
  await writeFile(Buffer.concat([Buffer.from(join(root, "app/caf")), Buffer.from([0xe9]), Buffer.from(".py")]), "");
  const failure = await errorOf(read("app", "/app"));
  expect(failure).toBeInstanceOf(UserError);
  expect(String(failure)).toContain("has a name that is not UTF-8");
});

test("refuses a file where a folder is", async () => {
  await write({ "a/app": "", "b/x.py": "" });
  const files = [
    { from: "a", to: "/" },
    { from: "b", to: "/app" },
  ];
  await expect(readSources({ root, files, generated: {} }, new AbortController().signal)).rejects.toThrow(
    "/app would be a file and a folder at once",
  );
});

test("refuses what is neither file, folder nor link", async () => {
  await write({ "app/a.py": "" });
  const socket = createServer().listen(join(root, "app/socket"));
  await new Promise((resolve) => socket.once("listening", resolve));
  try {
    await expect(read("app", "/app")).rejects.toThrow("socket is neither a file nor a folder nor a link");
  } finally {
    await new Promise((resolve) => socket.close(resolve));
  }
});

test.each([
  ["a.py", true],
  ["nested/../a.py", true],
  ["../app/a.py", true],
  ["nested", true],
  ["way/b.py", true],
  ["missing.py", false],
  ["left-out.csv", false],
  [".git/HEAD", false],
  ["link", false],
  ["../other.py", false],
  ["nested/../../other.py", false],
  ["/etc/passwd", false],
])("a link to %s is copied as a link: %j", async (target, kept) => {
  await write({ "app/a.py": "", "app/nested/b.py": "", "other.py": "", "app/left-out.csv": "", "app/.git/HEAD": "" });
  await write({ ".dockerignore": "**/*.csv" });
  await symlink("nested", join(root, "app/way"));
  await symlink(target, join(root, "app/link"));
  const result = await read("app", "/app").catch((error: unknown) => error);
  if (kept) expect(result).toMatchObject({ files: { "app/link": `link ${target}` } });
  else expect(String(result)).toContain(`link is a link to ${target}, which is not copied with it`);
});

describe("the content key", () => {
  const name = fc.stringMatching(/^[a-z]{1,8}\.py$/);
  const tree = fc.dictionary(
    fc.tuple(fc.constantFrom("app", "app/x", "app/x/y"), name).map((parts) => parts.join("/")),
    fc.string({ maxLength: 20 }),
    { minKeys: 1, maxKeys: 8, noNullPrototype: true },
  );

  test("is the same in any checkout: order, times and the rest of the mode do not matter", async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.constantFrom(0o600, 0o644, 0o666), fc.nat(2_000_000_000), async (files, mode, time) => {
        await rm(join(root, "app"), { recursive: true, force: true });
        await write(files);
        const first = await read("app", "/app");
        await rm(join(root, "app"), { recursive: true });
        await write(Object.fromEntries(Object.entries(files).toReversed()), mode);
        for (const path of Object.keys(files)) await utimes(join(root, path), time, time);
        const second = await read("app", "/app");
        expect(contentKey(inputs(second.files))).toBe(contentKey(inputs(first.files)));
      }),
      { numRuns: 25 },
    );
  });

  test("is another one when a file has another content, name or executable bit, or is gone", async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(), async (files, pick) => {
        await rm(join(root, "app"), { recursive: true, force: true });
        await write(files);
        const paths = Object.keys(files);
        const path = paths[pick % paths.length] ?? "";
        const keys = [contentKey(inputs((await read("app", "/app")).files))];
        await writeFile(join(root, path), `${files[path]}!`);
        keys.push(contentKey(inputs((await read("app", "/app")).files)));
        await chmod(join(root, path), 0o755);
        keys.push(contentKey(inputs((await read("app", "/app")).files)));
        await rm(join(root, path));
        await write({ "app/other": "" });
        keys.push(contentKey(inputs((await read("app", "/app")).files)));
        await write({ "app/another": "" });
        keys.push(contentKey(inputs((await read("app", "/app")).files)));
        expect(new Set(keys).size).toBe(5);
      }),
      { numRuns: 25 },
    );
  });
});
