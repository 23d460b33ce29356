import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { type FakeIdentityTokens, startFakeIdentityTokens } from "../../github/fake-identity-tokens.ts";
import { trustPolicyFor } from "../../github/identity-token.ts";
import { goTool } from "../../go-tools.ts";

const root = join(import.meta.dirname, "../../..");
let place: Workplace;
let home: string;
let github: FakeIdentityTokens;
let role: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "act-"));
  place = await openWorkplace({ speed: 20 });
  const subject = "repo:example/deal-flow:pull_request";
  github = await startFakeIdentityTokens(subject);
  role = place.infrastructure.roleArn("plan");
  const trustPolicy = trustPolicyFor(place.bed.account, subject);
  place.bed.aws.neighbours.roles.set("plan", { name: "plan", arn: role, trustPolicy });
  place.git("remote", "add", "origin", "https://github.com/example/deal-flow.git");
}, 300_000);
afterAll(async () => {
  await place.close();
  await github.close();
  await rm(home, { recursive: true, force: true });
});

async function fromReadme(): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, text] = /```yaml\n# \.github\/workflows\/preview\.yml\n([^]*?)```/.exec(readme) ?? [];
  if (text === undefined) throw new Error("the README has no workflow preview.yml");
  return text;
}

/** For the environment of this machine. */
function local(text: string): string {
  const changed = text.replace("{ command: plan,", "{ command: plan, environment: local,");
  expect(changed).not.toBe(text);
  return changed;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** Runs a workflow of the checkout as nektos/act does: its jobs on this machine, without a container. */
async function act(event: string, file: string, payload: unknown): Promise<string> {
  const program = await goTool("act");
  const eventFile = join(home, "event.json");
  await write(eventFile, JSON.stringify(payload));
  // The job has nothing of AWS but the way to it: the action signs in by itself.
  const environment: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      Object.entries(place.job().environment).filter(([name]) => !/^AWS_(ACCESS|SECRET|SESSION)/.test(name)),
    ),
    ...github.environment,
    AWS_EC2_METADATA_DISABLED: "true",
    GITHUB_API_URL: "http://127.0.0.1:9",
  };
  const options: readonly (readonly [string, string])[] = [
    ["--workflows", `.github/workflows/${file}`],
    ["--eventpath", eventFile],
    ["--platform", "ubuntu-latest=-self-hosted"],
    ["--secret", "GITHUB_TOKEN=none"],
    ["--var", `PLAN_ROLE=${role}`],
    ...Object.entries(environment).map(([name, value]) => ["--env", `${name}=${value}`] as const),
    ["--local-repository", `OWNER/dagster-ecs-actions@v1=${root}`],
  ];
  const { stdout } = await promisify(execFile)(program, [event, "--no-cache-server", ...options.flat()], {
    cwd: place.folder,
    env: { HOME: home, PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

test.each<[what: string, file: string, text: () => Promise<string>]>([
  ["the README's preview", "preview.yml", fromReadme],
  [
    "the example's workflow on a pull request",
    "deploy.yml",
    () => readFile(join(root, "examples/deal-flow/.github/workflows/deploy.yml"), "utf8"),
  ],
])("%s runs, and writes the plan to its summary", async (_what, file, text) => {
  await write(join(place.folder, ".github/workflows", file), local(await text()));
  place.git("add", "--all");
  place.git("commit", "--quiet", `--message=Preview pull requests with ${file}`);
  const repository = { full_name: "example/deal-flow" };
  const head = { ref: "preview", sha: place.git("rev-parse", "HEAD"), repo: repository };
  const output = await act("pull_request", file, {
    number: 7,
    repository,
    pull_request: { number: 7, head, base: { ref: "main", sha: head.sha } },
  });
  expect(output).toContain("Plan for deal-flow, local");
  expect(output).toContain("make image `code` of layers");
  expect(output).toContain("Job succeeded");
  expect([...place.bed.aws.neighbours.sessions.values()].at(-1)).toMatchObject({ role: "plan" });
  expect(output).not.toMatch(/\[Deploy\/(deploy|rollback)\].*Run Main/);
});
