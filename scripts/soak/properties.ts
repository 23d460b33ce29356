import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Made, Trials } from "./trials.ts";

/** More than anybody waits for. */
const count = 1_000_000;

/** The tests that make up their own examples, each time with others. */
export function properties(seed: number): Trials {
  return {
    count,
    lanes: 1, // jest has two workers of its own
    open: () => ({
      make: (number) => testsWith((seed * count + number) % 2 ** 31),
      close: () => Promise.resolve(),
    }),
  };
}

interface JestReport {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** @param seed of fast-check, a whole number of 32 bits */
async function testsWith(seed: number): Promise<Made> {
  const out = mkdtempSync(join(tmpdir(), "properties-"));
  try {
    const report = join(out, "report.json");
    const jest = spawn("jest", [...files(), "--json", `--outputFile=${report}`, "--maxWorkers=2"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        PROPERTY_SEED: String(seed),
        PATH: `node_modules/.bin:${process.env["PATH"] ?? ""}`,
        NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
      },
    });
    await new Promise((ended, failed) => jest.once("exit", ended).once("error", failed));
    const { numPassedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as JestReport;
    const wrong = testResults.flatMap(({ message, assertionResults }) => {
      const names = assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
      return names.length === 0 && assertionResults.length === 0 ? [message] : names;
    });
    return { line: `${numPassedTests} tests with PROPERTY_SEED=${seed}`, wrong };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Whoever asks for examples imports them from test/properties.ts, or from a file beside the tests that does. */
function files(): readonly string[] {
  const all = readdirSync("test", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const asks = (name: string, module: RegExp): boolean => module.test(readFileSync(join("test", name), "utf8"));
  const shared = all.filter((name) => !name.endsWith(".test.ts") && asks(name, /from "[./]*\/properties\.ts"/));
  const modules = ["properties.ts", ...shared.map((name) => name.slice(name.lastIndexOf("/") + 1))];
  const module = new RegExp(`from "[./a-z-]*/(${modules.map((name) => RegExp.escape(name)).join("|")})"`);
  return all.filter((name) => name.endsWith(".test.ts") && asks(name, module)).map((name) => join("test", name));
}
