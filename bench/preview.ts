import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeComment, startFakeGithub, theOnlyNumber } from "../test/github/fake-github.ts";
import { createAgent } from "../test/local-aws/runtimes/tasks/agent.ts";
import { openProcessAccount, type ProcessAccount } from "../test/releases/processes/account.ts";
import { runStep, type StepResult } from "../test/runner/run-step.ts";
import { median, type Row, row } from "./rows.ts";

/**
 * A plan on a pull request that changes the code of one of three services, through the bundle, with 50 ms on each call of AWS: plain,
 * with `verify`, and with `definitions`, a file of what the new code defines.
 */
export async function measure(runs: number): Promise<readonly Row[]> {
  const account = await openProcessAccount();
  const comments: FakeComment[] = [];
  const writer = { login: "github-actions[bot]" };
  const github = await startFakeGithub({ pullRequest: () => ({ comments, files: [], writer }) });
  const file = join(tmpdir(), `definitions-${process.pid}.json`);
  try {
    await furnished(account);
    await released(account);
    account.aws.faults.inject({ on: "*", what: { kind: "latency", milliseconds: 50 } });
    let runId = 1;
    await writeFile(file, descriptionOf(300));
    const round = async (verify: string, definitions = ""): Promise<Round> => {
      runId += 1;
      await account.checkout.write("app/main.py", `VERSION = ${runId}\n`);
      account.checkout.commit("Change");
      account.wire.attend(null);
      const since = github.requests.length;
      const { seconds } = await previewed(account, runId, github.url, { verify, definitions });
      const aws = account.wire.calls.filter(({ name }) => !/^(registry|dagster) /.test(name)).length;
      return { seconds, aws, github: github.requests.length - since };
    };
    const rounds = { plain: [] as Round[], verify: [] as Round[], definitions: [] as Round[] };
    await round("true"); // fills the cache of wheels and of Node
    for (let run = 0; run < runs; run += 1) {
      rounds.plain.push(await round("false"));
      rounds.verify.push(await round("true"));
      rounds.definitions.push(await round("false", file));
    }
    const figure = (of: keyof typeof rounds, name: string, unit: string, value: (one: Round) => number): Row =>
      row(name, unit, median(rounds[of].map(value)), null);
    return [
      figure("plain", "plain seconds, goal 2.5", "s", ({ seconds }) => seconds),
      figure("plain", "plain AWS calls, goal 20", "AWS calls", ({ aws }) => aws),
      figure("plain", "plain GitHub calls, goal 4", "GitHub calls", (one) => one.github),
      figure("verify", "with verify, seconds", "s", ({ seconds }) => seconds),
      figure("verify", "with verify, AWS calls, goal 60", "AWS calls", ({ aws }) => aws),
      figure("definitions", "with definitions, seconds", "s", ({ seconds }) => seconds),
      figure("definitions", "with definitions, AWS calls", "AWS calls", ({ aws }) => aws),
    ];
  } finally {
    await rm(file, { force: true });
    await github.close();
    await account.close();
  }
}

interface Round {
  readonly seconds: number;
  readonly aws: number;
  readonly github: number;
}

/** What `verify` looks for, and releases of this account do without. */
async function furnished({ aws, wire }: ProcessAccount): Promise<void> {
  aws.neighbours.subnets.set("subnet-1", {
    id: "subnet-1",
    vpcId: "vpc-1",
    cidr: "10.0.0.0/24",
    availabilityZone: "a",
  });
  const call = createAgent(wire.url, aws.region, "infrastructure");
  await call("secretsmanager", "CreateSecret", { Name: "small/database", SecretString: '{"password":"x"}' });
}

async function released(account: ProcessAccount): Promise<void> {
  green(await runStep(account.job(1), { action: "." }));
}

/** A file of `definitions/describe.py`: of the one location, with so many assets that nobody serves yet. */
function descriptionOf(assets: number): string {
  const numbers = Array.from({ length: assets }, (_, number) => number);
  return JSON.stringify({
    format: 1,
    dagster: "1.13.27",
    location: "small",
    repositories: [
      {
        name: "__repository__",
        jobs: [{ name: "canary" }],
        schedules: [],
        sensors: [],
        assets: numbers.map((number) => ({
          key: ["warehouse", `table_${number}`],
          group: "default",
          isMaterializable: true,
          partitions: "Daily, starting 2026-01-01 UTC.",
        })),
      },
    ],
  });
}

async function previewed(
  account: ProcessAccount,
  runId: number,
  api: string,
  inputs: Readonly<Record<string, string>>,
): Promise<StepResult> {
  const job = account.job(runId);
  const repo = { full_name: job.repository };
  const pull_request = { number: theOnlyNumber, base: { repo }, head: { repo } };
  return green(
    await runStep(
      {
        ...job,
        event: { name: "pull_request", payload: { pull_request } },
        environment: { ...job.environment, GITHUB_API_URL: api },
      },
      { action: ".", with: { command: "plan", ...inputs, "github-token": "token" } },
    ),
  );
}

function green(result: StepResult): StepResult {
  if (result.exitCode !== 0) throw new Error(result.log.join("\n"));
  return result;
}
