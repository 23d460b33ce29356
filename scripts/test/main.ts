/**
 * Runs the checks, then the tests, and counts: `node scripts/test/main.ts [part…]`. Parts: checks, unit, contract, e2e.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { goTool } from "../../test/go-tools.ts";
import { setUp } from "./set-up.ts";

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What could not run, and why. */
  readonly notRun: readonly string[];
}

const asked = process.argv.slice(2);
const wanted = (part: string): boolean => asked.length === 0 || asked.includes(part);
const path = `${dirname(process.execPath)}:${join(process.cwd(), "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;

const missing = await setUp();
const counts: Count[] = [{ passed: 0, failed: 0, notRun: missing }];
if (wanted("checks")) counts.push(await checks());
// Two at a time: there are two processors.
if (wanted("unit")) counts.push(await jest("test/unit", ["--maxWorkers=2"]));
// Takes minutes, once; here, and not in two workers side by side. Without it the tests that need it fail, and say why.
if (wanted("contract")) await goTool("tofu").catch((error: unknown) => console.error(error));
if (wanted("contract")) counts.push(await jest("test/contract", ["--maxWorkers=2"]));
if (wanted("e2e")) await goTool("act").catch((error: unknown) => console.error(error));
// What starts a whole AWS with Dagster on it waits half of its time.
if (wanted("e2e")) counts.push(await jest("test/e2e", ["--maxWorkers=3"]));

const sum = (of: (count: Count) => number): number => counts.reduce((total, count) => total + of(count), 0);
const failed = sum((count) => count.failed);
for (const line of counts.flatMap(({ notRun }) => notRun)) console.log(`not run: ${line}`);
console.log(`${sum(({ passed }) => passed)} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** What must hold of the tree itself; each counts as one. */
async function checks(): Promise<Count> {
  const all: readonly (readonly [string, string, ...string[]])[] = [
    ["types", "tsc", "--noEmit"],
    ["lint", "oxlint", "--type-aware", "--deny-warnings", "src", "test", "scripts", "bench"],
    ["format", "biome", "format", "src", "test", "scripts", "bench"],
    ["arrows", "node", "scripts/arrows.ts"],
    ["generated files", "node", "scripts/generate.ts", "--check"],
    ["dist/ is what src/ builds", "node", "scripts/build.ts", "--check"],
  ];
  let passed = 0;
  for (const [name, command, ...args] of all) {
    const ok = (await run(command, args)) === 0;
    console.log(`${ok ? "✓" : "✗"} ${name}`);
    if (ok) passed += 1;
  }
  return { passed, failed: all.length - passed, notRun: [] };
}

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

async function jest(folder: string, options: readonly string[]): Promise<Count> {
  const out = mkdtempSync(join(tmpdir(), "jest-"));
  const report = join(out, "report.json");
  const code = await run("jest", [folder, "--json", `--outputFile=${report}`, ...options], {
    NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
  });
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    ) as JestReport;
    const skipped = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => !["passed", "failed"].includes(status));
    // A suite that cannot even be loaded has no tests to count, and jest that fails without a failed test has failed all the same.
    const failures = numFailedTests + numRuntimeErrorTestSuites;
    return {
      passed: numPassedTests,
      failed: failures > 0 || code === 0 ? failures : 1,
      notRun: skipped.map(({ fullName }) => fullName),
    };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function run(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PATH: path, ...environment },
  });
  return new Promise((done) => {
    child.once("error", (error) => {
      console.error(error.message);
      done(1);
    });
    child.once("exit", (code) => done(code ?? 1));
  });
}
