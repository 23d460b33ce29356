import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as z from "zod";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";

// What checkov, which has rules of its own, says of infra/. Without a network it knows no severities, so all of its checks count.

const lockFile = fileURLToPath(new URL("../../fixtures/python/checkov.txt", import.meta.url));
const reportSchema = z.object({
  summary: z.object({ passed: z.number(), parsing_errors: z.number() }),
  results: z.object({ failed_checks: z.array(z.object({ check_id: z.string(), resource: z.string() })) }),
});
const python = await machinePython();
const packages = await installedPackages(python, lockFile, { compile: true });

/** Ids of what failed in a folder. */
async function failed(folder: string, ...options: readonly string[]): Promise<readonly string[]> {
  const home = await mkdtemp(join(tmpdir(), "checkov-")); // it takes a configuration from where it is started
  try {
    const { stdout } = await promisify(execFile)(
      python.executable,
      [
        "-m",
        "checkov.main",
        "-d",
        folder,
        "--framework=terraform",
        "--skip-download",
        "--soft-fail",
        "--output=json",
        ...options,
      ],
      { cwd: home, env: { PATH: process.env["PATH"], HOME: home, PYTHONPATH: packages }, maxBuffer: 64 * 1024 * 1024 },
    );
    const { results, summary } = reportSchema.parse(JSON.parse(stdout));
    expect(summary.passed).toBeGreaterThan(0);
    expect(summary.parsing_errors).toBe(0); // what it cannot read, it does not check
    return [...new Set(results.failed_checks.map(({ check_id: id }) => id))].sort();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const infra = fileURLToPath(new URL("../../../infra", import.meta.url));
const configuration = join(infra, "checkov.yaml");

test("checkov finds what the list of exceptions says, and nothing else", async () => {
  const lines = (await readFile(configuration, "utf8")).split("\n").filter((line) => line.startsWith("  - "));
  const exceptions = lines.map((line) => /^ {2}- (CKV2?_AWS_\d+) # \S/.exec(line)?.[1] ?? `without a reason: ${line}`);
  expect(exceptions).toHaveLength(26);
  expect(await failed(infra)).toEqual([...exceptions].sort());
});

test("with the list, it finds nothing", async () => {
  expect(await failed(infra, `--config-file=${configuration}`)).toEqual([]);
});

test("it finds a door that is open, with the list, too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "open-"));
  await writeFile(
    join(folder, "main.tf"),
    'resource "aws_db_instance" "this" {\n  publicly_accessible = true\n  storage_encrypted   = false\n}\n',
  );
  expect(await failed(folder, `--config-file=${configuration}`)).toEqual(
    expect.arrayContaining(["CKV_AWS_16", "CKV_AWS_17"]),
  );
  await rm(folder, { recursive: true });
});
