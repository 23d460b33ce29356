import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { goTool } from "../go-tools.ts";
import { machinePython } from "../local-aws/backing/machine-python.ts";
import { installedPackages } from "../local-aws/backing/python-packages.ts";
import { translated } from "../workflows/translated.ts";

const folder = ".github/workflows";
const files = readdirSync(folder);

/** What the pages and the examples tell users to write, by where it stands. */
const shown: Readonly<Record<string, string>> = Object.fromEntries([
  ...["README.md", "docs/workflows.md", "docs/quick-start.md", "actions/sync-dags/README.md"].flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/```yaml\n# \.github\/workflows\/(\S+)\n([^]*?)```/g)].map(
      ([, file = "", text = ""]) => [`${page}/${file}`, text] as const,
    ),
  ),
  ...["deal-flow", "data-platform"].map(
    (name) =>
      [`examples/${name}/deploy.yml`, readFileSync(`examples/${name}/.github/workflows/deploy.yml`, "utf8")] as const,
  ),
]);

interface Ended {
  readonly code: number;
  readonly text: string;
}

function ended(program: string, args: readonly string[], cwd = "."): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: `${stdout}${stderr}` }),
    );
  });
}

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "workflows-"));
});
afterAll(() => rmSync(copy, { recursive: true }));

test("actionlint finds nothing in the workflows, nor in what they give to the actions", async () => {
  // It knows the inputs of actions that are beside it, and refuses syntax that is newer than it.
  for (const path of ["actions", "action.yml", "dist"]) cpSync(path, join(copy, path), { recursive: true });
  mkdirSync(join(copy, folder), { recursive: true });
  for (const file of files) {
    const text = translated(readFileSync(join(folder, file), "utf8"), (path) => `./${path}`);
    writeFileSync(join(copy, folder, file), text);
  }
  const program = await goTool("actionlint");
  const lint = (): Promise<Ended> =>
    ended(program, ["-shellcheck=", "-pyflakes=", ...files.map((one) => join(folder, one))], copy);
  // Without this it would take the copy for no project, and look at no action.
  mkdirSync(join(copy, ".git"));
  expect(await lint()).toEqual({ code: 0, text: "" });
  const deploy = join(copy, folder, "deploy.yml");
  writeFileSync(deploy, readFileSync(deploy, "utf8").replace("lock-timeout: ${{", "lock-timeuot: ${{"));
  expect((await lint()).text).toContain('input "lock-timeuot" is not defined in action');
}, 300_000);

test("actionlint finds nothing in the workflows that users are shown", async () => {
  const program = await goTool("actionlint");
  for (const [place, text] of Object.entries(shown)) {
    const file = join(copy, place.replaceAll("/", "-"));
    writeFileSync(file, text);
    expect({ place, ...(await ended(program, ["-shellcheck=", "-pyflakes=", file])) }).toEqual({
      place,
      code: 0,
      text: "",
    });
  }
}, 300_000);

test("zizmor finds nothing, however pedantic", async () => {
  const python = await machinePython();
  const lock = fileURLToPath(new URL("../fixtures/python/zizmor.txt", import.meta.url));
  const program = join(await installedPackages(python, lock, { compile: false }), "bin", "zizmor");
  const end = await ended(program, ["--offline", "--no-progress", "--format=plain", "--persona=pedantic", folder]);
  expect(end).toMatchObject({ code: 0, text: expect.stringContaining("No findings to report") as unknown });
}, 300_000);

test.each([
  ["moves vX when it is there", 0, "api --silent --method PATCH repos/o/r/git/refs/tags/v2 -f sha=abc -F force=true"],
  ["makes vX the first time", 1, "api --silent --method POST repos/o/r/git/refs -f ref=refs/tags/v2 -f sha=abc"],
])("a release makes vX.Y.Z, and %s", async (_what, status, last) => {
  const { jobs } = parse(readFileSync(join(folder, "release.yml"), "utf8")) as Workflow;
  const { run } = jobs["release"]?.steps?.find(({ name }) => name === "Publish") ?? {};
  const [bin, log] = [join(copy, `bin-${status}`), join(copy, `gh-${status}.txt`)];
  mkdirSync(bin);
  // Stands for GitHub's own program: notes what it is told, and says whether there is such a tag.
  writeFileSync(join(bin, "gh"), `#!/bin/sh\necho "$@" >> ${log}\ncase "$*" in *git/ref/*) exit ${status};; esac\n`);
  chmodSync(join(bin, "gh"), 0o755);
  const values = { VERSION: "2.3.4", GITHUB_SHA: "abc", GITHUB_REPOSITORY: "o/r", RUNNER_TEMP: copy };
  const environment = Object.entries({ ...values, PATH: `${bin}:/usr/bin:/bin` }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const end = await ended("env", ["-i", ...environment, "bash", "--norc", "-eo", "pipefail", "-c", run ?? "false"]);
  expect(end).toEqual({ code: 0, text: "" });
  const told = readFileSync(log, "utf8").trim().split("\n");
  expect(told[0]).toBe(`release create v2.3.4 --target abc --title v2.3.4 --notes-file ${copy}/notes.md`);
  expect(told.at(-1)).toBe(last);
});

interface Workflow {
  readonly on: {
    readonly workflow_call?: {
      readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: unknown }>>;
    };
  };
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly "timeout-minutes"?: unknown;
        readonly permissions?: object;
        readonly steps?: readonly { readonly name?: string; readonly run?: string }[];
      }
    >
  >;
}

test.each(files)("%s: each input has a description and a default, each job its own rights and an end", (file) => {
  const { on, jobs } = parse(readFileSync(join(folder, file), "utf8")) as Workflow;
  for (const [name, input] of Object.entries(on.workflow_call?.inputs ?? {})) {
    expect({ name, ...input }).toMatchObject({ name, description: expect.stringMatching(/\S{3,}.*\.$/) as unknown });
    expect(input).toHaveProperty("default");
  }
  for (const [name, job] of Object.entries(jobs)) {
    expect({ name, job }).toMatchObject({ name, job: { permissions: expect.any(Object) as unknown } });
    expect(job).toHaveProperty("timeout-minutes");
  }
});

const called = files.filter((file) => readFileSync(join(folder, file), "utf8").includes("workflow_call:"));
const inputsOf = (action: string): Readonly<Record<string, Input>> =>
  (parse(readFileSync(`actions/${action}/action.yml`, "utf8")) as { inputs: Record<string, Input> }).inputs;
const actionInputs = { ...inputsOf("build-push-image"), ...inputsOf("stack") };

interface Input {
  readonly default?: unknown;
}

/** As the action has them not: a called workflow waits for the lock of another push, and one that rolls back knows where to. */
const ownDefaults: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "deploy.yml": { "lock-timeout": "30" },
  "clean-up.yml": { "lock-timeout": "30", "keep-revisions": "10", "dry-run": "true" },
  "rollback.yml": { "lock-timeout": "30", to: "previous", "on-plan-change": "fail" },
};

test.each(called)("%s: each input goes somewhere, as what the action has under its name", (file) => {
  const text = readFileSync(join(folder, file), "utf8");
  const { on } = parse(text) as Workflow;
  for (const [name, input] of Object.entries(on.workflow_call?.inputs ?? {})) {
    expect({ name, isUsed: new RegExp(`inputs\\.${name}\\b(?!-)`).test(text) }).toEqual({ name, isUsed: true });
    const taken = new RegExp(`^ +${name}: \\$\\{\\{ inputs\\.${name} \\}\\}$`, "m").test(text);
    if (!taken) continue;
    const wanted = ownDefaults[file]?.[name] ?? actionInputs[name]?.default;
    expect({ name, default: String((input as Input).default) }).toEqual({ name, default: wanted });
  }
});
