import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../../../src/domain/context.ts";
import { keptPackages } from "../../../src/images/kept-packages.ts";
import { errorOf } from "../../error-of.ts";

let kept: string;
let now = Date.UTC(2026, 10, 21);
beforeEach(async () => {
  kept = await mkdtemp(join(tmpdir(), "kept-"));
});
afterEach(() => rm(kept, { recursive: true, force: true }));

const context: Context = {
  clock: { now: () => (now += 1000), sleep: async () => undefined },
  signal: new AbortController().signal,
  report: () => undefined,
};

/** Installs one module that says what it is. */
const installs =
  (text: string, meanwhile: () => Promise<unknown> = async () => undefined) =>
  async (folder: string): Promise<string> => {
    const packages = join(folder, "packages");
    await mkdir(packages);
    await writeFile(join(packages, "module.py"), text);
    await meanwhile();
    return packages;
  };
const never = (): Promise<string> => Promise.reject(new Error("it is there already"));

const moduleIn = (packages: string | null): Promise<string> => readFile(join(packages ?? "", "module.py"), "utf8");

test("what was installed is found again by what decides it, byte code that was written there or not", async () => {
  const packages = await keptPackages(context, kept, { lock: "a" }, installs("a"));
  await mkdir(join(packages ?? "", "__pycache__"));
  await writeFile(join(packages ?? "", "__pycache__/module.cpython-312.pyc"), "");
  expect(await keptPackages(context, kept, { lock: "a" }, never)).toBe(packages);
  expect(await moduleIn(await keptPackages(context, kept, { lock: "b" }, installs("b")))).toBe("b");
});

test("a file more, another one or one that may be run now is another set: it is installed anew", async () => {
  const packages = await keptPackages(context, kept, 1, installs("first"));
  await writeFile(join(packages ?? "", "other.py"), "");
  expect(await keptPackages(context, kept, 1, installs("second"))).toBe(packages);
  expect(await readdir(packages ?? "")).toEqual(["module.py"]);
  expect(await moduleIn(packages)).toBe("second");
});

test("of two that install the same at once, both have what the first one made, and nothing else is left", async () => {
  let first: string | null = null;
  const second = await keptPackages(
    context,
    kept,
    1,
    installs("second", async () => {
      first = await keptPackages(context, kept, 1, installs("first"));
    }),
  );
  expect(second).toBe(first);
  expect(await moduleIn(second)).toBe("first");
  expect(await readdir(kept)).toHaveLength(1);
});

test("an installation that fails leaves nothing, and one without packages too", async () => {
  expect(await errorOf(keptPackages(context, kept, 1, never))).toMatchObject({ message: "it is there already" });
  expect(await keptPackages(context, kept, 1, () => Promise.resolve(null))).toBeNull();
  expect(await readdir(kept)).toEqual([]);
});

test("the five sets that were used last are kept", async () => {
  const keep = (wanted: number, install = installs(String(wanted))): Promise<string | null> =>
    keptPackages(context, kept, wanted, install);
  for (const wanted of [1, 2, 3, 4, 5]) await keep(wanted);
  await keep(1, never);
  await keep(6);
  expect(await readdir(kept)).toHaveLength(5);
  await keep(1, never);
  expect(await moduleIn(await keep(2, installs("again")))).toBe("again");
});
