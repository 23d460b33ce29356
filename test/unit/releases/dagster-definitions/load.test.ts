import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../../../../src/domain/context.ts";
import { loadDefinitions } from "../../../../src/releases/dagster-definitions/load.ts";
import type { CodeLocation } from "../../../../src/stack/stack.ts";
import { dealFlow } from "../world.ts";
import { layers } from "./layers.ts";

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "load-"));
});
afterEach(() => rm(scratch, { recursive: true }));

const context: Context = {
  clock: { now: () => Date.now(), sleep: () => new Promise(() => undefined) },
  signal: new AbortController().signal,
  report: () => undefined,
};

/** What is told of code that has, in the place of Dagster, a text of Python. */
function load(dagster: string | null, limitMilliseconds = 60_000) {
  const [service] = Object.values(dealFlow().services).filter(
    (one): one is CodeLocation => one.kind === "code-location",
  );
  if (service === undefined) throw new Error("deal-flow has a code location");
  const bytes = Buffer.from(dagster ?? "");
  const entries =
    dagster === null
      ? []
      : [
          {
            kind: "file" as const,
            path: "app/dagster/__init__.py",
            executable: false,
            size: bytes.length,
            content: { kind: "bytes" as const, bytes },
          },
        ];
  const image = layers({ sources: { entries, size: bytes.length } });
  const clients = { kept: join(scratch, "kept"), prepared: new Map(), scratch };
  return loadDefinitions(context, clients, { service, module: "app.main", image }, limitMilliseconds);
}

test("without Dagster it is said that it is not there", async () => {
  expect(await load(null)).toMatchObject({
    kind: "failed",
    words: { untrusted: expect.stringContaining("No module named 'dagster'") as string },
    module: { untrusted: "dagster" },
  });
}, 60_000);

test("code that does not come to an end is ended, although it leaves somebody behind who keeps its output open", async () => {
  const text = "import subprocess, time\nsubprocess.Popen(['sleep', '20'], start_new_session=True)\ntime.sleep(60)\n";
  const begun = performance.now();
  expect(await load(text, 2000)).toBe("it has told nothing: it was not done after 2 s");
  expect(performance.now() - begun).toBeLessThan(15_000);
}, 60_000);

test("the code is given nothing of the job's variables", async () => {
  process.env["JOB_SECRET"] = "hunter2";
  try {
    const told = await load("import os\nraise ValueError(' '.join(sorted(os.environ)))\n");
    expect(told).toMatchObject({
      kind: "failed",
      words: { untrusted: expect.stringContaining("DAGSTER_HOME") as string },
    });
    expect(JSON.stringify(told)).not.toContain("JOB_SECRET");
  } finally {
    delete process.env["JOB_SECRET"];
  }
}, 60_000);

test("words that are too long for whoever reads them are cut, and are told", async () => {
  expect(await load("raise ValueError('\\U0001F600' * 2000)\n")).toMatchObject({
    kind: "failed",
    words: {
      untrusted: expect.stringMatching(/^ValueError: \u{1F600}{244}$/u) as string,
    },
  });
}, 60_000);
