import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";

// As CONTRIBUTING has it: a stack of one's own, on an AWS that the terminal keeps.

let folder: string;
let aws: ChildProcess;
const lines: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "own-stack-"));
  chmodSync(folder, 0o755); // PostgreSQL may run as somebody else
  mkdirSync(join(folder, "tmp"));
  const checkout = join(folder, "checkout");
  cpSync("examples/deal-flow", checkout, { recursive: true });
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgSign=false"];
  for (const args of [
    ["init", "--quiet"],
    ["add", "."],
    ["commit", "--quiet", "--message=Mine"],
  ]) {
    execFileSync("git", [...identity, ...args], { cwd: checkout });
  }
  const child = spawn(
    process.execPath,
    [join(process.cwd(), "scripts/local-aws.mjs"), "--stack", "checkout/dagster-stack.yml", "--command", "plan"],
    { cwd: folder, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TMPDIR: join(folder, "tmp") } },
  );
  aws = child;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === "It stays up until Ctrl-C.") break;
  }
});
afterAll(() => {
  if (aws.exitCode === null) aws.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

test("what it says to export reaches a cluster with the services of the stack, none of which runs", async () => {
  const exported = new Map(
    lines.flatMap((line): [string, string][] => {
      const [, name, value] = /^export (\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
  const ecs = new ECSClient({
    endpoint: exported.get("AWS_ENDPOINT_URL") ?? "",
    region: exported.get("AWS_REGION") ?? "",
    credentials: {
      accessKeyId: exported.get("AWS_ACCESS_KEY_ID") ?? "",
      secretAccessKey: exported.get("AWS_SECRET_ACCESS_KEY") ?? "",
    },
  });
  const names = ["code", "daemon", "webserver"].map((key) => `deal-flow-${key}`);
  const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster: "deal-flow", services: names }));
  expect(services.map(({ serviceName, desiredCount }) => [serviceName, desiredCount])).toEqual(
    names.map((name) => [name, 0]),
  );
});

test("the action plans the stack against it", () => {
  const said = lines.join("\n");
  expect(said).toContain("Plan for deal-flow, local");
  expect(said).toContain("The action ended with exit code 0.");
});

test("Ctrl-C ends it, and nothing is left", async () => {
  const exited = once(aws, "exit");
  aws.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
});
