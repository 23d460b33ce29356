import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkModules } from "../../../src/releases/module-checks.ts";
import { observeModules } from "../../../src/releases/observe/modules.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "modules-"));
  for (const path of [
    "shop/__init__.py",
    "shop/definitions.py",
    "shop/jobs/nightly.py",
    "shop/fast.cpython-312-x86_64-linux-gnu.so",
    "single.py",
  ]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "");
  }
});
afterEach(() => rm(root, { recursive: true }));

const usual = "{ base: b, files: [{ from: shop, to: /app/shop }, { from: single.py, to: /app/single.py }] }";

async function findings(module: string, layers = usual, more = ""): Promise<readonly string[]> {
  const text = withTop(`images: { app: { repository: shop, layers: ${layers} } }
services:
  code: { kind: code-location, image: app, location: shop, address: c, module: ${module}${more} }
  web: { kind: webserver, image: app, url: "http://web" }
`);
  const stack = stackOf(text, { contract: contract() });
  const missingModules = await observeModules(stack, root);
  return checkModules(stack, { missingModules }).map(({ id, level, what, fix }) => `${id} ${level}: ${what} ${fix}`);
}

test.each(["shop", "shop.definitions", "shop.jobs", "shop.jobs.nightly", "shop.fast", "single"])(
  "%s is in the checkout",
  async (module) => expect(await findings(module)).toEqual([]),
);

test("a slip of the pen is a warning that names what was probably meant", async () => {
  expect(await findings("shop.definition")).toEqual([
    "module-missing warning: Image app gets no module shop.definition from the checkout: services.code would not start. Did you mean `module: shop.definitions`?",
  ]);
  expect(await findings("shop.job.nightly")).toEqual([expect.stringContaining("`module: shop.jobs.nightly`?")]);
});

test("what is near nothing is a warning, too", async () => {
  expect(await findings("shop.elsewhere")).toEqual([
    "module-missing warning: Image app gets no module shop.elsewhere from the checkout: services.code would not start. Check `module` of services.code, and the `files` of its image.",
  ]);
});

test.each([
  ["its package is installed", "warehouse.definitions", usual, ""],
  ["its package is in another folder", "shop.definition", "{ base: b, files: [{ from: shop, to: /srv/shop }] }", ""],
  [
    "it is found by python-path",
    "jobs.nightly",
    "{ base: b, files: [{ from: shop, to: /srv/shop }] }",
    ", python-path: /srv/shop",
  ],
])("nothing is said when %s", async (_why, module, layers, more) => {
  expect(await findings(module, layers, more)).toEqual([]);
});

test("the folder of service and image count", async () => {
  const layers = "{ base: b, workdir: /srv, files: [{ from: shop, to: /srv/shop }] }";
  expect(await findings("shop.definitions", layers)).toEqual([]);
  expect(await findings("shop.definition", layers)).toHaveLength(1);
  expect(await findings("job.nightly", layers, ", workdir: /srv/shop")).toEqual([]);
  expect(await findings("jobs.nighty", layers, ", workdir: /srv/shop")).toHaveLength(1);
});
