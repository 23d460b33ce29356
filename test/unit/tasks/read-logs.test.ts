import { logs, type LogsSend } from "../../../src/aws/logs.ts";
import { followLogs, type LogLine, type LogSource, type LogWish, readLogs } from "../../../src/tasks/read-logs.ts";
import { type TestContext, testContext } from "../context.ts";
import { type Filter, filteredLogs } from "../scripted-logs.ts";

interface Event {
  readonly group: string;
  readonly stream: string;
  readonly at: number;
  readonly text: string;
}

interface Scene extends TestContext {
  readonly events: Event[];
  readonly asked: readonly Filter[];
  readonly send: LogsSend;
}

function open(pageSize?: number): Scene {
  const test = testContext();
  const events: Event[] = [];
  const asked: Filter[] = [];
  const requestHandler = filteredLogs(() => events, { asked, ...(pageSize === undefined ? {} : { pageSize }) });
  const credentials = { accessKeyId: "product", secretAccessKey: "x" };
  const send = logs(test.context, { region: "eu-central-1", credentials, requestHandler });
  return { ...test, events, asked, send };
}

const code: LogSource = { name: "code", group: "/stack", prefix: "code", container: "dagster" };
const run: LogSource = { name: "run/shop", group: "/stack", prefix: "run", container: "run" };
const web: LogSource = { name: "webserver", group: "/web", prefix: "web", container: "web" };
const all: LogWish = { since: 0, taskId: null, containing: null };

async function texts(lines: AsyncIterable<LogLine>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { source, taskId, text } of lines) found.push(`${source} ${taskId}: ${text.untrusted}`);
  return found;
}

test("lines of several groups come by their time, each with its source and task, however many pages there are", async () => {
  const scene = open(2);
  for (let at = 0; at < 9; at += 1) {
    const [group, stream] =
      at % 3 === 0 ? ["/web", "web/web/w1"] : ["/stack", at % 2 === 0 ? "code/dagster/c1" : "run/run/r1"];
    scene.events.push({ group, stream, at, text: `line ${at}\n` });
  }
  scene.events.push({ group: "/stack", stream: "once-code/once/m1", at: 4, text: "a migration's" });
  const found = await texts(readLogs(scene.send, scene.context, [code, run, web], all));
  expect(found).toEqual([
    "webserver w1: line 0",
    "run/shop r1: line 1",
    "code c1: line 2",
    "webserver w1: line 3",
    "code c1: line 4",
    "run/shop r1: line 5",
    "webserver w1: line 6",
    "run/shop r1: line 7",
    "code c1: line 8",
  ]);
  expect(scene.asked.filter(({ nextToken }) => nextToken !== undefined).length).toBeGreaterThan(2);
});

test("groups of one name in two regions are two, each read where it is", async () => {
  const scene = open();
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: 1, text: "here" });
  const regions: unknown[] = [];
  const send = ((command, options) => {
    regions.push(options?.region);
    return scene.send(command, { ...options, region: null });
  }) as LogsSend;
  const there: LogSource = { ...run, region: "us-east-1" };
  expect(await texts(readLogs(send, scene.context, [code, there], all))).toEqual(["code c1: here"]);
  expect(regions).toEqual([null, "us-east-1"]);
});

test("of one source only its streams are asked for, of one task its own, and of a text what holds it", async () => {
  const scene = open();
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: 1, text: "one of run 7" });
  scene.events.push({ group: "/stack", stream: "code/dagster/c2", at: 2, text: "two" });
  scene.events.push({ group: "/stack", stream: "code/dagster-2/c3", at: 3, text: "three of run 7" });
  const read = (wish: Partial<LogWish>): Promise<readonly string[]> =>
    texts(readLogs(scene.send, scene.context, [code], { ...all, ...wish }));
  expect(await read({})).toEqual(["code c1: one of run 7", "code c2: two"]);
  expect(await read({ taskId: "c2" })).toEqual(["code c2: two"]);
  expect(await read({ containing: "run 7" })).toEqual(["code c1: one of run 7"]);
  expect(await read({ since: 2 })).toEqual(["code c2: two"]);
  expect(scene.asked.map(({ logStreamNamePrefix }) => logStreamNamePrefix)).toEqual([
    "code/dagster/",
    "code/dagster/c2",
    "code/dagster/",
    "code/dagster/",
  ]);
});

test("a group that does not exist is said once, and the others are read", async () => {
  const scene = open();
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: 1, text: "one" });
  const lines = followLogs(scene.send, scene.context, [web, code], all);
  expect((await lines.next()).value).toMatchObject({ source: "code" });
  const next = lines.next();
  await scene.clock.run(scene.context.clock.sleep(60000));
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: scene.context.clock.now(), text: "two" });
  await scene.clock.run(scene.context.clock.sleep(5000));
  expect((await next).value).toMatchObject({ text: { untrusted: "two" } });
  expect(scene.progress).toEqual([{ kind: "line", text: "log group /web does not exist: nothing is read of it" }]);
});

test("what is followed is shown once each, also what comes to CloudWatch late, until somebody has seen enough", async () => {
  const scene = open();
  const now = (): number => scene.context.clock.now();
  const begun = now();
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: begun, text: "first" });
  const shown: string[] = [];
  const following = (async () => {
    for await (const { text } of followLogs(scene.send, scene.context, [code], { ...all, since: begun }))
      shown.push(text.untrusted);
  })();
  const ended = expect(following).rejects.toThrow("enough");
  await scene.clock.run(scene.context.clock.sleep(4000));
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: now(), text: "second" });
  await scene.clock.run(scene.context.clock.sleep(6000));
  scene.events.push({ group: "/stack", stream: "code/dagster/c1", at: now() - 8000, text: "late" });
  await scene.clock.run(scene.context.clock.sleep(60000));
  scene.abort(new Error("enough"));
  await scene.clock.run(scene.context.clock.sleep(4000));
  await ended;
  expect(shown).toEqual(["first", "second", "late"]);
});

test("what only a secret looks like is not in a line", async () => {
  const scene = open();
  scene.events.push({
    group: "/stack",
    stream: "code/dagster/c1",
    at: 1,
    text: "postgresql://dagster:hunter2@db/dagster",
  });
  expect((await texts(readLogs(scene.send, scene.context, [code], all))).join()).not.toContain("hunter2");
});
