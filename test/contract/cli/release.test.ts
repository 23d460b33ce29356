/* oxlint-disable no-control-regex -- what a terminal is sent holds them */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { documentedFor, documentedWith, neededBy } from "../actions/documented-permissions.ts";
import { openProcessAccount, type ProcessAccount } from "../../releases/processes/account.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import { type CommandResult, type Desk, runCommand, runInTerminal } from "../../runner/run-command.ts";

// One story, in its order: each test finds the stack as the one before has left it.

let account: ProcessAccount;
let desk: Desk;

beforeAll(async () => {
  account = await openProcessAccount();
  account.checkout.git("remote", "add", "origin", "git@github.com:owner/small.git");
  const { workspace, environment } = account.job(1);
  desk = { folder: workspace, environment };
});
afterAll(() => account.close());

const schema = JSON.parse(readFileSync("schemas/command-line.schema.json", "utf8")) as {
  readonly properties: Readonly<Record<string, object>>;
};

/** The one document that a command printed, which is as the schema says. */
function documentOf(kind: string, { output }: Pick<CommandResult, "output">): Record<string, unknown> {
  const document = JSON.parse(output) as Record<string, unknown>;
  const validate = new Ajv2020({ strict: false }).compile(schema.properties[kind] ?? false);
  expect(validate(document) ? [] : validate.errors).toEqual([]);
  return document;
}

async function change(version: string): Promise<void> {
  await account.checkout.write("app/main.py", `VERSION = "${version}"\n`);
  account.checkout.commit(version);
}

test("plan says what a deploy would do, and ends with 2", async () => {
  const result = await runCommand(desk, ["plan"]);
  expect(result).toMatchObject({ exitCode: 2 });
  expect(result.output).toMatch(/^Plan for small, .*, commit [0-9a-f]{12}, \d+ steps:\n/);
  expect(result.output).toContain("service/code: ");
  expect(result.output + result.errors).not.toContain("\u001b");
  const json = await runCommand(desk, ["plan", "--json"]);
  const document = documentOf("plan", json);
  expect(document).toMatchObject({ outcome: null, changed: true, base: null });
  expect(json.exitCode).toBe(2);
});

test("a checkout that differs from its commit is not deployed, unless it is said", async () => {
  await account.checkout.write("app/main.py", "VERSION = 'not committed'\n");
  const result = await runCommand(desk, ["deploy"]);
  expect(result.exitCode).toBe(1);
  expect(result.errors).toContain("The checkout differs from its commit in a file: app/main.py");
  expect(result.errors).toContain("`--allow-dirty` releases them all the same");
  account.checkout.git("checkout", "--quiet", ".");
});

test("deploy of a plan that was looked at releases it, in the name of a person", async () => {
  const { planHash } = documentOf("plan", await runCommand(desk, ["plan", "--json"]));
  const result = await runCommand(desk, ["deploy", "--json", "--plan-hash", String(planHash), "--on-plan-change=fail"]);
  expect(result.errors).not.toContain("error");
  expect(result.exitCode).toBe(0);
  expect(documentOf("deploy", result)).toMatchObject({
    outcome: "committed",
    services: expect.arrayContaining([expect.objectContaining({ service: "code", verdict: "succeeded" })]) as unknown,
  });
  const { begun, outcome } = recordsOf(await account.rest());
  expect(begun.map((id) => outcome(id)?.owner)).toEqual([expect.anything()]);
  expect(begun.map((id) => outcome(id)?.owner)[0]).toMatchObject({
    name: expect.stringMatching(/^person\/.+@.+/) as unknown,
    run: null,
  });
});

test("with nothing to do, plan and status are green", async () => {
  const plan = await runCommand(desk, ["plan"]);
  expect(plan).toMatchObject({ exitCode: 0, output: expect.stringContaining("Nothing to do") as unknown });
  const status = await runCommand(desk, ["status", "--json"]);
  expect(status.exitCode).toBe(0);
  expect(documentOf("status", status)).toMatchObject({ drift: [], history: [{ ended: "committed" }], holder: null });
});

test("a release that fails is taken back and told, with what became of each service", async () => {
  await change("breaks");
  const { services } = documentOf("status", await runCommand(desk, ["status", "--json"]));
  const runs = (services as readonly { readonly runs: string }[]).map((service) => service.runs);
  account.breaks = ({ definition: { family, revision } }) =>
    family === "small-code" && !runs.includes(`${family}:${revision}`);
  const result = await runCommand(desk, ["deploy", "--json"]);
  account.breaks = () => false;
  expect(result.exitCode).toBe(1);
  expect(documentOf("failure", result)).toMatchObject({
    error: { kind: "failed" },
    release: { outcome: "taken-back", services: [{ service: "code" }] },
  });
});

test("Ctrl-C ends a deploy with 130, and leaves neither a lock nor a release without an end", async () => {
  await change("interrupted");
  const result = await runInTerminal(desk, ["deploy"], { interruptAt: "roll" });
  expect(result.output).toContain("cancelled: closing what is open");
  expect(result.exitCode).toBe(130);
  const { lock, begun, outcome } = recordsOf(await account.rest());
  expect(lock?.holder).toBeNull();
  expect(begun.filter((id) => outcome(id) === null)).toEqual([]);
});

test("on a terminal, progress stands in one line that is cut by the terminal, however narrow it is", async () => {
  const { output, exitCode } = await runInTerminal(desk, ["deploy"], { columns: 40 });
  expect(exitCode).toBe(0);
  expect(output).toMatch(/\u001b\[\?7l\u001b\[2m… [^\n]{40,}, \d+ s\u001b\[0m\u001b\[\?7h\r\u001b\[2K/);
  const lines = output
    .split("\n")
    .map((line) => line.replaceAll(/\u001b\[\?7l.*?\u001b\[\?7h|\u001b\[[0-9;]*[a-zA-Z]|\r/g, ""));
  expect(lines.filter((line) => line.length > 40 && line.trim().includes(" ") && !/\S{30}/.test(line))).toEqual([]);
});

test("history, locations, url and doctor tell what the stack is", async () => {
  const history = await runCommand(desk, ["history", "--json", "--limit=2"]);
  const { releases } = documentOf("history", history);
  expect(releases).toMatchObject([{ ended: "committed", isCurrent: true }, { ended: expect.anything() as unknown }]);
  const words = await runCommand(desk, ["history"]);
  expect(words.output).toMatch(
    /^\S+-[0-9a-f]{40}, current\n {2}deploy of [0-9a-f]{12}, committed, .* UTC, by person\//,
  );
  const locations = await runCommand(desk, ["locations", "list", "--json"]);
  expect(documentOf("locations list", locations)).toMatchObject({
    locations: [{ location: "small", services: ["code"], released: { repository: "owner/small" } }],
  });
  const url = await runCommand(desk, ["url"]);
  expect(url).toEqual({ exitCode: 0, output: `${account.wire.url}\n`, errors: "" });
  const doctor = await runCommand(desk, ["doctor", "--json"]);
  expect(documentOf("doctor", doctor)).toMatchObject({
    examined: [{ isGood: true }, { isGood: true }, { isGood: true }],
  });
});

test("migrate carries out what is due and nothing else, and leaves nothing open", async () => {
  await change("migrates");
  const runs = async (): Promise<unknown> =>
    documentOf("status", await runCommand(desk, ["status", "--json"]))["services"];
  const before = await runs();
  const dry = await runCommand(desk, ["migrate", "--dry-run"]);
  expect(dry.exitCode).toBe(2);
  expect(dry.output).toMatch(
    /^These would be done; no service moves:\n {2}image\/code: .*\n.* {2}migrate\/application: /s,
  );
  const { begun, current } = recordsOf(await account.rest());
  const result = await runCommand(desk, ["migrate", "--json"]);
  expect(result.exitCode).toBe(0);
  expect(documentOf("migrate", result)).toMatchObject({ done: true, migrations: [{ name: "application" }] });
  expect(await runs()).toEqual(before);
  const now = recordsOf(await account.rest());
  expect(now.current).toEqual(current);
  expect(now.lock?.holder).toBeNull();
  const [mine, ...others] = now.begun.filter((id) => !begun.includes(id));
  expect(others).toEqual([]);
  expect(mine === undefined ? null : now.outcome(mine)?.outcome).toBe("abandoned");
}, 120_000);

describe("restart", () => {
  const tasksOf = async (service: string): Promise<readonly string[]> =>
    (
      (await readPastClient(account.aws, "ListTasks", { cluster: "small", serviceName: service })) as {
        readonly taskArns: readonly string[];
      }
    ).taskArns;

  test.each(["code", "daemon", "webserver"])(
    "gives %s new tasks of what it runs, behind its gates, and is no release",
    async (service) => {
      const before = await tasksOf(`small-${service}`);
      const { begun, current } = recordsOf(await account.rest());
      const { services } = documentOf("status", await runCommand(desk, ["status", "--json"]));
      const runs = (services as readonly { service: string; runs: string }[]).find(
        (one) => one.service === service,
      )?.runs;
      const dry = await runCommand(desk, ["restart", service, "--dry-run"]);
      expect(dry).toMatchObject({
        exitCode: 2,
        output: expect.stringContaining(`${service} would get 1 task of ${runs}`) as unknown,
      });
      expect(await tasksOf(`small-${service}`)).toEqual(before);
      const result = await runCommand(desk, ["restart", service, "--json"]);
      expect(result.exitCode).toBe(0);
      const gates = { code: ["location", "state"], daemon: ["daemon"], webserver: ["webserver"] }[service] ?? [];
      expect(documentOf("restart", result)).toMatchObject({
        service,
        revision: runs,
        verdict: "succeeded",
        gates: gates.map((gate) => ({ gate, seen: expect.any(String) as unknown })),
      });
      const after = await tasksOf(`small-${service}`);
      expect(after).toHaveLength(1);
      expect(before).not.toContain(after[0]);
      const now = recordsOf(await account.rest());
      expect(now.begun).toEqual(begun);
      expect(now.current).toEqual(current);
      expect(now.lock?.holder).toBeNull();
    },
  );

  test("whose new tasks fail ends with 1, says why, and gives the lock back", async () => {
    account.breaks = ({ definition: { family } }) => family === "small-code";
    const result = await runCommand(desk, ["restart", "code", "--json"]);
    account.breaks = () => false;
    expect(result.exitCode).toBe(1);
    expect(documentOf("failure", result)).toMatchObject({ error: { kind: "failed" }, release: null });
    expect(recordsOf(await account.rest()).lock?.holder).toBeNull();
    const unknown = await runCommand(desk, ["restart", "web"]);
    expect(unknown).toMatchObject({
      exitCode: 1,
      errors: expect.stringContaining("Name one of code, daemon, webserver") as unknown,
    });
  });

  test("of a daemon that could run twice meanwhile is refused", async () => {
    const percentages = (minimum: number, maximum: number) =>
      readPastClient(account.aws, "UpdateService", {
        cluster: "small",
        service: "small-daemon",
        deploymentConfiguration: { minimumHealthyPercent: minimum, maximumPercent: maximum },
      });
    await percentages(100, 200);
    const before = await tasksOf("small-daemon");
    const result = await runCommand(desk, ["restart", "daemon"]);
    await percentages(0, 100);
    expect(result).toMatchObject({ exitCode: 1, errors: expect.stringContaining("two daemons at once") as unknown });
    expect(await tasksOf("small-daemon")).toEqual(before);
  });
});

describe("logs", () => {
  const runId = "3f2a91c0-5d1e-4b0a-9c57-2f6b8e1d7a04";
  const write = (stream: string, secondsAgo: number, text: string): void =>
    account.log.write({ group: "/dagster/small", stream, at: Date.now() - secondsAgo * 1000, text });
  /** Until CloudWatch has what was written. */
  const until = async (words: readonly string[], seen: (result: CommandResult) => boolean): Promise<CommandResult> => {
    for (;;) {
      const result = await runCommand(desk, words);
      if (seen(result)) return result;
    }
  };

  test("shows what services and runs wrote, oldest first, each line behind whose it is", async () => {
    write("run/run/0123456789abcdef", 30, "run 1 - RUN_START");
    write("code/code/fedcba9876543210", 40, "::error::\u001b[2Jone\ntwo postgresql://dagster:hunter2@db/x");
    write("code/code/fedcba9876543210", 7200, "long ago");
    const shown = await until(["logs"], ({ output }) => output.includes("one") && output.includes("RUN_START"));
    expect(shown.exitCode).toBe(0);
    const lines = shown.output.trimEnd().split("\n");
    expect(lines).toEqual([
      expect.stringMatching(/^\S+Z code fedcba98 │ ::error::one$/),
      expect.stringMatching(/^\S+Z code fedcba98 │ two \(hidden\)db\/x$/),
      expect.stringMatching(/^\S+Z run\/small 01234567 │ run 1 - RUN_START$/),
    ]);
    const code = await runCommand(desk, ["logs", "code", "--since=3h", "--json"]);
    expect(documentOf("logs", code)).toMatchObject({
      isCut: false,
      lines: [
        { source: "code", text: "long ago" },
        { source: "code", task: "fedcba9876543210" },
      ],
    });
  });

  test("finds a run by its task, and where Dagster names none by its id in the lines", async () => {
    const told = {
      jobName: "nightly",
      status: "SUCCESS",
      repositoryOrigin: null,
      creationTime: Date.now() / 1000 - 3600,
    };
    const tags = [{ key: "ecs/task_arn", value: "arn:aws:ecs:eu-central-1:123456789012:task/small/0123456789abcdef" }];
    account.dagster.told.push({ ...told, runId, tags });
    const ofTask = await runCommand(desk, ["logs", runId]);
    expect(ofTask.output).toMatch(/^\S+Z run\/small 01234567 │ run 1 - RUN_START\n$/);
    account.dagster.told.splice(0, 1, { ...told, runId, tags: [] });
    write("code/code/fedcba9876543210", 1800, `dagster - DEBUG - nightly - ${runId} - 7 - STEP_START`);
    const ofId = await until(["logs", runId], ({ output }) => output !== "");
    expect(ofId.output).toMatch(/^\S+Z code fedcba98 │ .* STEP_START\n$/);
    const other = await runCommand(desk, ["logs", runId.replace("3f", "4f")]);
    expect(other).toMatchObject({ exitCode: 1, errors: expect.stringContaining("Dagster has no run") as unknown });
  });

  test("what has no such name is told which there are, and following has no document", async () => {
    const unknown = await runCommand(desk, ["logs", "coed"]);
    expect(unknown).toMatchObject({ exitCode: 1, output: "" });
    expect(unknown.errors).toContain("fix: Give one of code, daemon, webserver, small, runs, or the whole id of a run");
    const both = await runCommand(desk, ["logs", "--follow", "--json"]);
    expect(documentOf("failure", both)).toMatchObject({ error: { kind: "refused" }, release: null });
    const since = await runCommand(desk, ["logs", "--since=yesterday"]);
    expect(since.errors).toContain("Option --since is a number with s, m, h or d");
  });

  test("followed in a terminal, lines come as they are written, and Ctrl-C is its end", async () => {
    const writing = setInterval(() => write("code/code/fedcba9876543210", 0, "\u001b[31mas it comes"), 500);
    const result = await runInTerminal(desk, ["logs", "code", "--follow"], { interruptAt: "as it comes" });
    clearInterval(writing);
    expect(result.exitCode).toBe(0);
    expect(result.output).toMatch(/Z code fedcba98 │ as it comes\r?\n/);
    expect(result.output).not.toContain("cancelled");
    expect(result.output).not.toContain("\u001b[31m");
  });
});

test("doctor says what is not good, and how to mend it, and is red", async () => {
  const denied = { ...desk, environment: { ...desk.environment, AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" } };
  const result = await runCommand(denied, ["doctor"]);
  expect(result.exitCode).toBe(1);
  expect(result.output).toMatch(/^NOT GOOD: stack file, credentials, contract and records: [^]*fix: /);
  expect(result.output).not.toContain("role-to-assume");
  const misspelt = await runCommand(desk, ["doctor", "--stack=none.yml"]);
  expect(misspelt.output).toContain("fix: Give its path from the root of the checkout, `--stack`.");
});

test("rollback goes back, and refuses a release that is not there", async () => {
  const none = await runCommand(desk, ["rollback", "0123456"]);
  expect(none).toMatchObject({ exitCode: 1, output: "" });
  const dry = await runCommand(desk, ["rollback", "previous", "--dry-run"]);
  expect(dry).toMatchObject({ exitCode: 2, output: expect.stringContaining("Plan of a rollback") as unknown });
  const result = await runCommand(desk, ["rollback", "previous", "--json"]);
  expect(result.exitCode).toBe(0);
  expect(documentOf("rollback", result)).toMatchObject({ outcome: "committed", backTo: expect.any(String) as unknown });
});

describe("why", () => {
  const good = "11111111-5d1e-4b0a-9c57-2f6b8e1d7a04";
  const bad = "22222222-5d1e-4b0a-9c57-2f6b8e1d7a04";

  test("tells what a run ran, who had released it, how it ended, and what changed since the last good one", async () => {
    const { begun, outcome } = recordsOf(await account.rest());
    const committed = begun.flatMap((id) => outcome(id) ?? []).filter((one) => one.outcome === "committed");
    const [first, second] = committed;
    const family = "small-run-small";
    const { tasks = [] } = (await readPastClient(account.aws, "RunTask", {
      cluster: "small",
      taskDefinition: `${family}:${second?.release.taskDefinitions["run/small"]?.revision}`,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
    })) as { readonly tasks?: readonly { readonly taskArn: string }[] };
    const arn = tasks[0]?.taskArn ?? "";
    const id = arn.split("/").at(-1) ?? "";
    account.log.write({ group: "/dagster/small", stream: `run/run/${id}`, at: Date.now(), text: "KeyError: 'price'" });
    const told = {
      jobName: "nightly",
      repositoryOrigin: { repositoryLocationName: "small", repositoryName: "__repository__" },
      endTime: Date.now() / 1000,
    };
    const after = (at: string | undefined): number => Date.parse(at ?? "") / 1000 + 0.5;
    account.dagster.told.splice(
      0,
      Number.POSITIVE_INFINITY,
      {
        ...told,
        runId: bad,
        status: "FAILURE",
        creationTime: after(second?.at),
        tags: [{ key: "ecs/task_arn", value: arn }],
      },
      { ...told, runId: good, status: "SUCCESS", creationTime: after(first?.at), tags: [] },
    );
    account.dagster.errors.set(bad, "Execution of step load failed.\n::stop-commands::x\u001b[2J");
    for (;;) {
      const seen = documentOf("why", await runCommand(desk, ["why", bad, "--json"])) as {
        readonly said: readonly object[];
      };
      if (seen.said.length < 2) continue; // the log is on its way
      expect(seen).toMatchObject({
        job: "nightly",
        location: "small",
        page: `${account.wire.url}/runs/${bad}`,
        release: {
          id: second?.release.id,
          command: "deploy",
          by: expect.stringMatching(/^person\//) as unknown,
          commit: second?.release.source.sha,
          digest: second?.release.images["code"]?.digest,
          definition: `${family}:${second?.release.taskDefinitions["run/small"]?.revision}`,
        },
        task: {
          id,
          page: expect.stringContaining(`/clusters/small/tasks/${id}?region=`) as unknown,
          log: expect.stringContaining("logsV2") as unknown,
        },
        said: [
          {
            from: `step load of run ${bad}`,
            text: expect.stringContaining("Execution of step load failed") as unknown,
          },
          { from: `last lines of task ${id.slice(0, 8)}`, text: "KeyError: 'price'" },
        ],
        lastGood: {
          run: good,
          release: { id: first?.release.id },
          changes: expect.arrayContaining([
            expect.objectContaining({ what: "image code", from: first?.release.images["code"]?.digest }),
            expect.objectContaining({ what: "run/small" }),
          ]) as unknown,
        },
      });
      break;
    }
    const shown = await runCommand(desk, ["why", bad]);
    expect(shown.exitCode).toBe(0);
    expect(shown.output).toContain(`commit ${second?.release.source.sha} of owner/small`);
    expect(shown.output).toMatch(/since the last good run, .*, release .*:\n {2}image code: sha256:/);
    expect(shown.output).toMatch(/\n {4}│ ::stop-commands::x\n/);
    expect(shown.output).not.toContain("\u001b");
    const ofGood = await runCommand(desk, ["why", good, "--json"]);
    expect(documentOf("why", ofGood)).toMatchObject({ release: { id: first?.release.id }, task: null, lastGood: null });
  });

  test("needs the whole id of a run that there is", async () => {
    const short = await runCommand(desk, ["why", "22222222"]);
    expect(short).toMatchObject({ exitCode: 1, errors: expect.stringContaining("is no whole id of a run") as unknown });
    const none = await runCommand(desk, ["why", bad.replace("2", "3")]);
    expect(none).toMatchObject({ exitCode: 1, errors: expect.stringContaining("Dagster has no run") as unknown });
  });
});

test("clean-up deregisters what nothing names any more, and only says so before", async () => {
  const active = async (): Promise<readonly string[]> =>
    (
      (await readPastClient(account.aws, "ListTaskDefinitions", { familyPrefix: "small-code", status: "ACTIVE" })) as {
        readonly taskDefinitionArns: readonly string[];
      }
    ).taskDefinitionArns;
  const before = await active();
  const how = await runCommand(desk, ["clean-up"]);
  expect(how).toMatchObject({ exitCode: 1, errors: expect.stringContaining("how many revisions stay") as unknown });
  const dry = await runCommand(desk, ["clean-up", "--keep-revisions=1", "--dry-run", "--json"]);
  expect(dry.exitCode).toBe(2);
  const { oldRevisions } = documentOf("clean-up", dry) as { readonly oldRevisions: readonly string[] };
  expect(await active()).toEqual(before);
  const done = await runCommand(desk, ["clean-up", "--keep-revisions=1", "--json"]);
  expect(done.exitCode).toBe(0);
  expect(documentOf("clean-up", done)).toMatchObject({ oldRevisions });
  const after = await active();
  const went = before.filter((arn) => !after.includes(arn)).map((arn) => arn.split("/").at(-1));
  expect(went.length).toBeGreaterThan(0);
  expect(oldRevisions).toEqual(expect.arrayContaining(went));
  expect(recordsOf(await account.rest()).lock?.holder).toBeNull();
  expect(await runCommand(desk, ["status"])).toMatchObject({ exitCode: 0 });
});

test.each([
  ["clean-up", ["clean-up", "--keep-revisions=1"]],
  ["logs", ["logs"]],
  ["restart", ["restart", "code"]],
  ["why", ["why", "22222222-5d1e-4b0a-9c57-2f6b8e1d7a04"]],
])("%s calls nothing but what docs/permissions.md says of it", async (command, words) => {
  const since = account.calls.length;
  expect(await runCommand(desk, words)).toMatchObject({ exitCode: 0 });
  const called = neededBy(account.calls.slice(since), "deploy");
  expect(called.length).toBeGreaterThan(3);
  const asked = command === "clean-up" ? documentedWith("With `keep-revisions`") : [];
  expect(called.filter((action) => ![...documentedFor(command), ...asked].includes(action))).toEqual([]);
});
