import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readScripts } from "../../../src/migrations/read-scripts.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "checkout-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The repository's folder `db` is `/app` in the image. */
const pathOf = (path: string): string | null => (path.startsWith("/app/") ? `db/${path.slice("/app/".length)}` : null);
const read = async (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const found = await readScripts({ root, pathOf }, "/app");
  return found.kind === "read" ? found.scripts.map(({ path }) => path) : found.why;
};
const revision = 'revision = "1"\n';
const ini = (...lines: readonly string[]) => ({
  "db/alembic.ini": ["[alembic]", ...lines, "[loggers]", ""].join("\n"),
});

test.each([
  ["script_location = alembic"],
  ["script_location = %(here)s/alembic"],
  ["script_location: ./alembic  "],
  ["script_location=/app/alembic"],
])("%s: the versions folder below it", async (line) => {
  expect(await read({ ...ini(line), "db/alembic/versions/1.py": revision })).toEqual(["db/alembic/versions/1.py"]);
});

test("several folders of versions are read", async () => {
  const files = { "db/a/1.py": revision, "db/b/2.py": revision };
  expect(await read({ ...ini("script_location = alembic", "version_locations = a %(here)s/b"), ...files })).toEqual([
    "db/a/1.py",
    "db/b/2.py",
  ]);
});

test("files that alembic does not load are not read", async () => {
  const others = ["__init__.py", ".#1.py", "1.sql", "helpers.py"].map(
    (name) => [`db/alembic/versions/${name}`, ""] as const,
  );
  expect(await read({ ...ini("script_location = alembic"), ...Object.fromEntries<string>(others) })).toEqual([]);
});

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ["no alembic.ini", {}, /the checkout has no \/app\/alembic\.ini of the image/],
  ["scripts in a package", ini("script_location = app:migrations"), /in a way that is not followed/],
  ["no place of scripts", ini("sqlalchemy.url = x"), /in a way that is not followed/],
  ["folders that are searched", ini("script_location = a", "recursive_version_locations = true"), /not followed/],
  ["scripts from elsewhere", ini("script_location = /opt/alembic"), /the checkout has no \/opt\/alembic\/versions/],
])("%s: it says why it cannot look", async (_, files, why) => expect(await read(files)).toMatch(why));
