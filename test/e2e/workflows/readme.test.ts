import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { goTool } from "../../go-tools.ts";

const root = join(import.meta.dirname, "../../..");
let place: Workplace;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "act-"));
  place = await openWorkplace({ speed: 20 });
}, 300_000);
afterAll(async () => {
  await place.close();
  await rm(home, { recursive: true, force: true });
});

/** A workflow as the README has it, for the environment of this machine. */
async function workflow(name: string): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, text] = new RegExp(`\`\`\`yaml\n# \\.github/workflows/${name}\\.yml\n([^]*?)\`\`\``).exec(readme) ?? [];
  if (text === undefined) throw new Error(`the README has no workflow ${name}.yml`);
  const local = text.replace("{ command: plan }", "{ command: plan, environment: local }");
  expect(local).not.toBe(text);
  return local;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** Runs a workflow of the checkout as nektos/act does: its jobs on this machine, without a container. */
async function act(event: string, file: string, payload: unknown): Promise<string> {
  const program = await goTool("act");
  const stub = join(home, "configure-aws-credentials");
  await write(
    join(stub, "action.yml"),
    'name: stub\ndescription: the credentials are in the environment\ninputs: { role-to-assume: { description: d }, aws-region: { description: d } }\nruns: { using: composite, steps: [{ run: "true", shell: sh }] }\n',
  );
  const eventFile = join(home, "event.json");
  await write(eventFile, JSON.stringify(payload));
  const environment = { ...place.job().environment, GITHUB_API_URL: "http://127.0.0.1:9" };
  const mapped = { "aws-actions/configure-aws-credentials@v6": stub, "OWNER/dagster-ecs-actions@v1": root };
  const options: readonly (readonly [string, string])[] = [
    ["--workflows", `.github/workflows/${file}`],
    ["--eventpath", eventFile],
    ["--platform", "ubuntu-latest=-self-hosted"],
    ["--secret", "GITHUB_TOKEN=none"],
    ["--var", "PLAN_ROLE=role"],
    ...Object.entries(environment).map(([name, value]) => ["--env", `${name}=${value}`] as const),
    ...Object.entries(mapped).map(([uses, path]) => ["--local-repository", `${uses}=${path}`] as const),
  ];
  const { stdout } = await promisify(execFile)(program, [event, "--no-cache-server", ...options.flat()], {
    cwd: place.folder,
    env: { HOME: home, PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

test("the preview of the README runs as a workflow, and writes the plan to its summary", async () => {
  await write(join(place.folder, ".github/workflows/preview.yml"), await workflow("preview"));
  place.git("add", "--all");
  place.git("commit", "--quiet", "--message=Preview pull requests");
  place.git("remote", "add", "origin", "https://github.com/example/deal-flow.git");
  const head = { ref: "preview", sha: place.git("rev-parse", "HEAD") };
  const output = await act("pull_request", "preview.yml", {
    number: 7,
    pull_request: { number: 7, head, base: { ref: "main", sha: head.sha } },
  });
  expect(output).toContain("Plan for deal-flow, local");
  expect(output).toContain("make image `code` of layers");
  expect(output).toContain("Job succeeded");
});
