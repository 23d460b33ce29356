import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readContext } from "../../../../src/images/docker/context.ts";
import type { DockerRequest } from "../../../../src/images/docker/request.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "context-"));
  for (const path of ["Dockerfile", "app/main.py", "app/to[k]en*.txt", "app/to-k-en1.txt", "token.txt", ".git/HEAD"]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), path);
  }
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function sent(context: string, ...paths: readonly string[]): Promise<readonly string[]> {
  const secrets: DockerRequest["secrets"] = Object.fromEntries(
    paths.map((path, index) => [`s${index}`, { kind: "file", path }]),
  );
  const request = { root, context, dockerfile: "Dockerfile", secrets, place: null };
  return Object.keys((await readContext(request, new AbortController().signal)).files);
}

const all = ["Dockerfile", "app/main.py", "app/to-k-en1.txt", "app/to[k]en*.txt", "token.txt"];

test("all of the context is sent, but for .git, also that of a submodule", async () => {
  await writeFile(join(root, "app/.git"), "gitdir: ../.git/modules/app\n");
  expect(await sent(".")).toEqual(all);
});

test.each<[string, readonly string[], readonly string[]]>([
  [".", ["token.txt"], all.slice(0, -1)],
  [".", ["./app/../token.txt", "absent"], all.slice(0, -1)],
  [".", ["app/to[k]en*.txt"], all.filter((path) => path !== "app/to[k]en*.txt")],
  ["app", ["token.txt"], ["main.py", "to-k-en1.txt", "to[k]en*.txt"]],
  ["app", ["app/main.py"], ["to-k-en1.txt", "to[k]en*.txt"]],
])("of the context %s the files of secrets are not sent: %j", async (context, secrets, expected) => {
  expect(await sent(context, ...secrets)).toEqual(expected);
});

test("nor is one that is named from the root of the machine, or by a link", async () => {
  expect(await sent(".", join(root, "token.txt"))).toEqual(all.slice(0, -1));
  await symlink("token.txt", join(root, "link"));
  expect(await sent(".", "link")).toEqual(all.slice(0, -1));
});

test("a file that its owner alone may read is another content: COPY takes that along; what groups may write is not", async () => {
  const file = join(root, "app/main.py");
  const contentFor = async (mode: number): Promise<string | undefined> => {
    await chmod(file, mode);
    const request = { root, context: ".", dockerfile: "Dockerfile", secrets: {}, place: null };
    return (await readContext(request, new AbortController().signal)).files["app/main.py"]?.slice(0, 4);
  };
  const contents: (string | undefined)[] = [];
  for (const mode of [0o644, 0o664, 0o600, 0o755, 0o700]) contents.push(await contentFor(mode));
  expect(contents).toEqual(["0644", "0644", "0600", "0755", "0700"]);
});

test("what is told to the build leaves them out whatever the ignore file takes back", async () => {
  await writeFile(join(root, ".dockerignore"), "*\n!**");
  const request = {
    root,
    context: ".",
    dockerfile: "Dockerfile",
    secrets: { token: { kind: "file", path: "token.txt" } },
    place: null,
  } as const;
  const { ignore, files } = await readContext(request, new AbortController().signal);
  expect(ignore).toBe("*\n!**\n**/.git\n/token.txt\n");
  expect(Object.keys(files)).not.toContain("token.txt");
});
