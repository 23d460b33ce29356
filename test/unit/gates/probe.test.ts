import { deflateSync } from "node:zlib";
import { ecs } from "../../../src/aws/ecs.ts";
import { logs } from "../../../src/aws/logs.ts";
import type { S3Send } from "../../../src/aws/s3.ts";
import { dagsterOver, DagsterUnreachable } from "../../../src/dagster/client.ts";
import { daemonHealth } from "../../../src/dagster/documents.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { type Probe, probe } from "../../../src/gates/probe.ts";
import { answerReader, type Letter } from "../../../src/gates/probe/letter.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import type { LoggedLine, Scripted } from "../../local-aws/runtimes/scripted.ts";
import { type TestContext, testContext } from "../context.ts";
import { openStage, type Stage } from "../local-aws/stage.ts";
import { scriptedLogs } from "../scripted-logs.ts";

const url = "http://web.shop.local:3000";
const health = { instance: { daemonHealth: { allDaemonStatuses: [] } } };
const good = { status: 200, location: null, challenge: null, body: JSON.stringify({ data: health }) };
const bucket = "deploys";

/** Lines that the program prints for an answer. */
function linesOf(mark: string, number: number, answer: object, parts = 1): readonly string[] {
  const text = deflateSync(JSON.stringify(answer)).toString("base64");
  const size = Math.ceil(text.length / parts);
  return Array.from(
    { length: parts },
    (_, index) => `${mark} ${number} ${index + 1} ${parts} ${text.slice(index * size, (index + 1) * size)}`,
  );
}

/** CloudWatch Logs of a role that may not read it. */
const deniedLogs: ReturnType<typeof scriptedLogs> = {
  ...scriptedLogs({ lines: [] }),
  handle: () => {
    const said = { __type: "AccessDeniedException", message: "not authorized to perform: logs:GetLogEvents" };
    const body = new TextEncoder().encode(JSON.stringify(said));
    return Promise.resolve({ response: { statusCode: 400, headers: {}, body } });
  },
};

interface Scene extends Stage, Omit<TestContext, "clock"> {
  readonly way: Probe;
  readonly letters: readonly Letter[];
  /** Tasks that are there, by what ECS wants of them. */
  readonly running: () => Promise<number>;
}

/** @param answer of the task to a question; null: none; `unread`, `unfit`: why it can answer none @param writeTakes milliseconds */
async function open(
  answer: (question: Letter["questions"][number], task: number) => object | null,
  behaviour: Scripted = { kind: "healthy" },
  writeTakes: () => number = () => 0,
  mayReadLog = true,
): Promise<Scene> {
  const stage = await openStage();
  stage.runtime.script("app", behaviour);
  const taskDefinition = await stage.register();
  const tested = testContext(stage.clock);
  const letters: Letter[] = [];
  const lines: LoggedLine[] = [];
  const answered = new Set<string>();
  const marks: string[] = [];
  /** What the program in the task does. */
  const write = async (letter: Letter): Promise<void> => {
    letters.push(letter);
    if (!marks.includes(letter.for)) marks.push(letter.for);
    const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main" });
    const taskId = taskArns.at(-1)?.split("/").at(-1) ?? "";
    for (const question of letter.questions) {
      const id = `${letter.for} ${question.number}`;
      const found = answered.has(id) ? null : answer(question, marks.indexOf(letter.for));
      answered.add(id);
      if (found === null) continue;
      const number = "unread" in found || "unfit" in found ? 0 : question.number;
      for (const text of linesOf(letter.for, number, "unread" in found ? { error: found.unread } : found, 3))
        lines.push({ group: "/app", stream: `app/app/${taskId}`, at: 0, text });
    }
  };
  const put = (async ({ input }: { readonly input: { readonly Body: string } }) => {
    const milliseconds = writeTakes();
    if (milliseconds > 0) await stage.clock.product.sleep(milliseconds);
    await write(JSON.parse(input.Body) as Letter);
    return {};
  }) as unknown as S3Send;
  const settings = { region: stage.aws.region, credentials: { accessKeyId: "product", secretAccessKey: "x" } };
  const clients = {
    ecs: ecs(tested.context, { ...settings, requestHandler: inProcessHandler(stage.aws) }),
    logs: logs(tested.context, { ...settings, requestHandler: mayReadLog ? scriptedLogs({ lines }) : deniedLogs }),
    s3: put,
    link: () => Promise.resolve("https://deploys.example/letter?signature"),
  };
  const task = {
    letter: { bucket, key: "shop/production/probe.json" },
    task: {
      cluster: "main",
      taskDefinition,
      container: "app",
      network: { subnets: ["subnet-1"], securityGroups: ["sg-1"], publicAddress: false },
      tags: {},
    },
    log: { group: "/app", prefix: "app" },
  };
  const way = probe(clients, tested.context, { url: `${url}/`, login: null, task: () => Promise.resolve(task) });
  const running = async () =>
    (await stage.ecs.listTasks({ cluster: "main", desiredStatus: "RUNNING" })).taskArns?.length;
  return { ...stage, ...tested, way, letters, running: async () => (await running()) ?? 0 };
}

test("nothing is started before the first question; then one task answers all of them, also at once", async () => {
  const { way, clock, letters, running } = await open(({ url: asked, body }) =>
    asked === `${url}/graphql` && body !== null ? good : { ...good, body: '{"dagster_version":"1"}' },
  );
  const asked = dagsterOver(way);
  expect([await running(), letters]).toEqual([0, []]);
  expect(await clock.run(asked.ask(daemonHealth))).toEqual(health);
  expect(await clock.run(Promise.all([asked.ask(daemonHealth), asked.serverInfo()]))).toEqual([
    health,
    { dagster_version: "1" },
  ]);
  expect(await running()).toBe(1);
  expect(new Set(letters.map((letter) => letter.for)).size).toBe(1);
  // What has its answer is not asked again.
  expect(letters.map(({ questions }) => questions.map(({ number }) => number))).toEqual([[], [1], [2, 3], [2, 3]]);
  await clock.run(way.close());
  expect(await running()).toBe(0);
});

test("of letters that are written at once the last one holds all questions, however long each takes", async () => {
  const slowFirst = [5000, 0, 0];
  const { way, clock, letters } = await open(
    () => good,
    { kind: "healthy" },
    () => slowFirst.shift() ?? 0,
  );
  const asked = dagsterOver(way);
  await clock.run(asked.ask(daemonHealth));
  slowFirst.unshift(5000, 0);
  await clock.run(Promise.all([asked.ask(daemonHealth), asked.ask(daemonHealth)]));
  expect(letters.at(-1)?.questions.map(({ number }) => number)).toEqual([2, 3]);
  await clock.run(way.close());
});

test("what the task could not reach is weather; what it met is judged as if the runner had asked", async () => {
  const replies = [{ error: "Connection refused" }, { ...good, status: 302, location: "https://id.example/?s3cret" }];
  const { way, clock } = await open(() => replies.shift() ?? good);
  const asked = dagsterOver(way);
  const refused = clock.run(asked.ask(daemonHealth));
  await expect(refused).rejects.toThrow(DagsterUnreachable);
  await expect(refused).rejects.toThrow(`${url}/graphql does not answer the task that asks: Connection refused`);
  const login = clock.run(asked.ask(daemonHealth));
  await expect(login).rejects.toThrow(UserError);
  await expect(login).rejects.toThrow("A login answers in front of Dagster at web.shop.local:3000");
  expect(await clock.run(asked.ask(daemonHealth))).toEqual(health);
  await clock.run(way.close());
});

test("an answer that does not come is given up after a minute, and not the task", async () => {
  let isSilent = true;
  const { way, clock, running } = await open(() => (isSilent ? null : good));
  const asked = dagsterOver(way);
  await expect(clock.run(asked.ask(daemonHealth))).rejects.toThrow(/no answer after 60 s/);
  isSilent = false;
  expect(await clock.run(asked.ask(daemonHealth))).toEqual(health);
  expect(await running()).toBe(1);
  await clock.run(way.close());
});

test("a task that ended after answers is followed by another one", async () => {
  const { way, clock, ecs: account, letters } = await open(() => good);
  const asked = dagsterOver(way);
  await clock.run(asked.ask(daemonHealth));
  const { taskArns: [task] = [] } = await account.listTasks({ cluster: "main" });
  await account.stopTask({ cluster: "main", task });
  await clock.pass(120_000);
  expect(await clock.run(asked.ask(daemonHealth))).toEqual(health);
  expect(new Set(letters.map((letter) => letter.for)).size).toBe(2);
  await clock.run(way.close());
});

test("tasks that end without an answer are weather once, and then said, with how they ended", async () => {
  const { way, clock } = await open(() => null, {
    kind: "exits",
    code: 127,
    afterSeconds: 1,
    log: [{ text: "sh: python3: not found" }],
  });
  const asked = dagsterOver(way);
  await expect(clock.run(asked.ask(daemonHealth))).rejects.toThrow(DagsterUnreachable);
  const second = clock.run(asked.ask(daemonHealth));
  await expect(second).rejects.toThrow(UserError);
  await expect(second).rejects.toThrow(/The task that asks Dagster \(\w+\) has ended: .*exit code 127/);
  await expect(second).rejects.toThrow(/has Python 3\.8 or newer/);
});

test("a bucket that the VPC does not reach is said, with the fix", async () => {
  const { way, clock } = await open(() => ({ unread: "<urlopen error\n timed out>" }));
  const asked = dagsterOver(way);
  await expect(clock.run(asked.ask(daemonHealth))).rejects.toThrow(DagsterUnreachable);
  const second = clock.run(asked.ask(daemonHealth));
  await expect(second).rejects.toThrow(UserError);
  await expect(second).rejects.toThrow("cannot read its questions from the stack's bucket: <urlopen error timed out>.");
  await expect(second).rejects.toThrow(
    "a gateway endpoint whose policy allows `s3:GetObject` on the stack's prefix, or NAT",
  );
  await clock.run(way.close());
});

test("headers that the task cannot send are said at the first question: no other task could", async () => {
  const { way, clock, letters } = await open(() => ({ unfit: ["CF-Access-Client-Secret"] }));
  const first = clock.run(dagsterOver(way).ask(daemonHealth));
  await expect(first).rejects.toThrow(UserError);
  await expect(first).rejects.toThrow(
    "The task that asks Dagster cannot send CF-Access-Client-Secret: what its secret holds is no text of one line.",
  );
  await expect(first).rejects.toMatchObject({ where: url, fix: expect.stringContaining("in one line") as string });
  expect(new Set(letters.map((letter) => letter.for)).size).toBe(1);
  await clock.run(way.close());
});

test("a job that may not read the log of the task hears so at its first question", async () => {
  const { way, clock } = await open(
    () => good,
    { kind: "healthy" },
    () => 0,
    false,
  );
  const begun = clock.product.now();
  const asked = clock.run(dagsterOver(way).serverInfo());
  await expect(asked).rejects.toMatchObject({ name: "AwsError", failure: "denied" });
  // No longer than the task takes to run: nobody waits for answers that cannot come.
  expect(clock.product.now() - begun).toBeLessThan(60_000);
});

test("who is cancelled waits no longer, and ends the task", async () => {
  const { way, clock, abort, running } = await open(() => null);
  const asking = dagsterOver(way).ask(daemonHealth);
  asking.catch(() => undefined);
  await clock.pass(60_000);
  expect(await running()).toBe(1);
  const at = clock.product.now();
  abort(new Error("cancelled"));
  await expect(clock.run(asking)).rejects.toThrow("cancelled");
  expect(clock.product.now() - at).toBeLessThanOrEqual(1000);
  await clock.run(way.close());
  expect(await running()).toBe(0);
});

test("closing what was never asked does nothing", async () => {
  const { way, clock, letters } = await open(() => good);
  await clock.run(way.close());
  expect(letters).toEqual([]);
});

test.each<[string, readonly string[]]>([
  ["a line of somebody else", [" hello"]],
  ["a part that is missing", linesOf("", 1, good, 3).slice(0, 2)],
])("%s is no answer", (_, lines) => {
  const read = answerReader();
  expect(lines.map(read)).toEqual(lines.map(() => null));
});

test("an answer that was changed on its way is no answer of Dagster", () => {
  expect(answerReader()(" 4 1 1 AAAA")).toEqual({
    number: 4,
    answered: expect.objectContaining({ kind: "none" }) as object,
  });
});
