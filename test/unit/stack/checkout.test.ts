import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkCheckout } from "../../../src/stack/index.ts";
import { StackFileError } from "../../../src/stack/problems.ts";
import { at, contract, stackOf, withTop } from "./reading.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "checkout-"));
  for (const path of [
    "app/main.py",
    "Dockerfile",
    "requirements.lock",
    "docker/dagster.yaml",
    "docker/workspace.yaml",
  ]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "");
  }
});
afterEach(() => rm(root, { recursive: true }));

const stackWith = (lock: string, from: string, workspace: string): string =>
  withTop(`images:
  app:
    repository: shop/app
    layers: { base: b, requirements: ${lock}, files: [{ from: docker, to: /opt/dagster }, { from: ${from}, to: /app }] }
  old: { repository: shop/old, build: { dockerfile: Dockerfile } }
instance: { dagster-yaml: docker/dagster.yaml, workspace: ${workspace} }
`);

async function missing(text: string): Promise<readonly string[]> {
  try {
    await checkCheckout(stackOf(text, { contract: contract() }), root);
    return [];
  } catch (error) {
    if (!(error instanceof StackFileError)) throw error;
    return error.problems.map((problem) => `${at(problem)} ${problem.what} ${problem.fix}`);
  }
}

test("files and folders that are there are no mistake", async () => {
  expect(await missing(stackWith("requirements.lock", "app", "docker/workspace.yaml"))).toEqual([]);
});

test("an instance file that goes into no image of these is not looked for: another repository may have it", async () => {
  const text = withTop(`images:
  app: { repository: shop/app, layers: { base: b, files: [{ from: app, to: /app }] } }
instance: { dagster-yaml: elsewhere/dagster.yaml, workspace: elsewhere/workspace.yaml }
`);
  expect(await missing(text)).toEqual([]);
});

test("a Dockerfile and the folder that is sent to its build are looked for, for a base as well", async () => {
  const text = withTop(`images:
  app: { repository: shop/app, build: { dockerfile: Dockerfil, context: ap } }
  code: { repository: shop/code, layers: { base: { dockerfile: docker/Dockerfile }, files: [{ from: app, to: /app }] } }
`);
  expect(await missing(text)).toEqual([
    expect.stringContaining('images.app.build.dockerfile names "Dockerfil"') as unknown,
    expect.stringContaining('images.app.build.context names "ap"') as unknown,
    expect.stringContaining('images.code.layers.base.dockerfile names "docker/Dockerfile"') as unknown,
  ]);
});

test("all that are not there are told at once, each at its place, with the one that was meant", async () => {
  expect(await missing(stackWith("requirement.lock", "nothere", "docker/workspce.yaml"))).toEqual([
    '7:38 images.app.layers.requirements names "requirement.lock", which the checkout does not have. Did you mean `requirements.lock`?',
    '7:108 images.app.layers.files[1].from names "nothere", which the checkout does not have. ' +
      "Check the path, which starts at the root of the checkout, and that the file is committed, or made by a step before this one.",
    '9:59 instance.workspace names "docker/workspce.yaml", which the checkout does not have. Did you mean `docker/workspace.yaml`?',
  ]);
});
