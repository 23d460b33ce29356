import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { errorOf } from "../../error-of.ts";

/** A folder whose files are definitions without an index, as a real Dagster loads it. */
let folder: string;
let python: string;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  const machine = await machinePython();
  const lockFile = fileURLToPath(new URL("../../fixtures/python/dagster.txt", import.meta.url));
  const packages = await installedPackages(machine, lockFile, { compile: true });
  python = machine.executable;
  const reader = fileURLToPath(new URL("../../../docker/dag-reader", import.meta.url));
  environment = { PATH: "/usr/bin:/bin", PYTHONPATH: `${packages}:${reader}`, PYTHONDONTWRITEBYTECODE: "1" };
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "folder-"));
  await write({
    "orders.py": "import dagster as dg\n\n@dg.asset\ndef orders(): ...\n",
    "deep/report.py": [
      "import dagster as dg",
      "from orders import orders",
      "@dg.asset(deps=[orders])",
      "def report(): ...",
      "job = dg.define_asset_job('nightly', [report])",
      "defs = dg.Definitions(assets=[report], jobs=[job], schedules=[dg.ScheduleDefinition(job=job, cron_schedule='0 2 * * *')])",
    ].join("\n"),
    "_private.py": "raise RuntimeError('not to be imported')\n",
    "test_orders.py": "raise RuntimeError('not to be imported')\n",
  });
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

const run = (...args: readonly string[]) =>
  promisify(execFile)(python, args, { cwd: "/", env: { ...environment, HOME: folder } });

const names = `import sys, json
sys.path.insert(0, sys.argv[1])
from dag_reader.files import defs
repository = defs.get_repository_def()
print(json.dumps([
  sorted(key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()),
  sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
  sorted(schedule.name for schedule in repository.schedule_defs),
]))`;

const loaded = async (): Promise<unknown> => JSON.parse((await run("-c", names, folder)).stdout);

const failure = async (): Promise<string> => {
  const error = (await errorOf(run("-c", names, folder))) as { readonly stderr: string };
  return error.stderr.split("\n").findLast((line) => line.startsWith("dag_reader.folder.FolderError")) ?? error.stderr;
};

test("every file is definitions, whole ones and loose ones; an asset that another file imports is there once", async () => {
  expect(await loaded()).toEqual([["orders", "report"], ["nightly"], ["nightly_schedule"]]);
  await write({ "new.py": "import dagster as dg\n\nmade = [dg.AssetSpec('one'), dg.AssetSpec('two')]\n" });
  expect(await loaded()).toEqual([["one", "orders", "report", "two"], ["nightly"], ["nightly_schedule"]]);
}, 200_000);

test("Dagster loads it as a module that needs no file, and as a file that names the loader", async () => {
  const validate = (module: string) => run("-m", "dagster", "definitions", "validate", "-m", module, "-d", folder);
  await validate("dag_reader.files");
  await write({ "definitions.py": "from dag_reader.folder import load_folder\n\ndefs = load_folder(__file__)\n" });
  await validate("definitions");
  await write({ "broken.py": "import nothing_of_that_name\n" });
  const error = (await errorOf(validate("definitions"))) as { readonly stderr: string; readonly stdout: string };
  expect(error.stderr + error.stdout).toContain("broken.py cannot be imported: ModuleNotFoundError");
}, 200_000);

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ["that raises", { "a/broken.py": "1 / 0\n" }, /a\/broken\.py cannot be imported: ZeroDivisionError/],
  ["that is no name in Python", { "my-job.py": "" }, /my-job\.py cannot be imported: rename it/],
  ["with the name of another module", { "json.py": "" }, /json\.py has the name of another module/],
  [
    "that defines what another one does",
    { "twice.py": "import dagster as dg\n\n@dg.asset\ndef orders(): ...\n" },
    /and twice\.py have two different definitions of asset orders/,
  ],
])(
  "a file %s is named",
  async (_, files, words) => {
    await write(files);
    expect(await failure()).toMatch(words);
  },
  200_000,
);
