import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { execFile } from "node:child_process";
import { createServer, type ServerResponse } from "node:http";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { isAwsError } from "../../../src/aws/error.ts";
import type { Call } from "../../../src/aws/send.ts";
import { logs } from "../../../src/aws/logs.ts";
import { testContext } from "../context.ts";
import { errorOf } from "../../error-of.ts";
import { listen } from "../../loopback.ts";

const credentials = { accessKeyId: "product", secretAccessKey: "x" };
const command = () => new GetLogEventsCommand({ logGroupName: "/app", logStreamName: "run/app/1" });

type Answer = (response: ServerResponse) => void;

/** A few bytes at a time. */
function whole(status: number, body: string): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "id-1" });
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
    response.end();
  };
}

/** The connection ends within the body. */
function cut(body: string): Answer {
  return (response) => {
    response.writeHead(200, {
      "content-type": "application/x-amz-json-1.1",
      "content-length": Buffer.byteLength(body),
    });
    response.write(body.slice(0, body.length / 2), () => response.destroy());
  };
}

/** A server on loopback that gives these answers, the last one to all further calls. */
async function answering<Value>(answers: readonly Answer[], ask: (url: string) => Promise<Value>): Promise<Value> {
  let calls = 0;
  const server = createServer((request, response) => {
    request.resume();
    (answers[calls] ?? answers.at(-1))?.(response);
    calls += 1;
  });
  const listening = await listen(server);
  try {
    return await ask(listening.url);
  } finally {
    await listening.close();
  }
}

/** @returns what comes, and how each attempt ended */
async function ours(...answers: readonly Answer[]): Promise<{ readonly output: unknown; readonly attempts: unknown }> {
  return answering(answers, async (url) => {
    process.env["AWS_ENDPOINT_URL"] = url;
    const { context } = testContext();
    // Real connections, and no time between attempts.
    const clock = { ...context.clock, sleep: () => Promise.resolve() };
    const attempts: string[] = [];
    const observe = ({ outcome }: Call) => void attempts.push(outcome);
    const send = logs({ ...context, clock }, { region: "eu-central-1", credentials, observe });
    return { output: await send(command()), attempts };
  });
}

afterEach(() => {
  delete process.env["AWS_ENDPOINT_URL"];
});

const page = JSON.stringify({
  events: [
    { timestamp: 1_795_000_000_000, ingestionTime: 1_795_000_000_500, message: 'é│ "quoted" \\ {[' },
    { timestamp: 1_795_000_000_001, message: "" },
  ],
  nextForwardToken: "f/1",
  nextBackwardToken: "b/1",
});

test.each([
  page,
  '{"events":[],"nextForwardToken":"f/1"}',
  '{"events":[{"message":"a"}],"notes":[{"message":"of something else"}],"nextForwardToken":"f/1"}',
  '{"events":[{"message":null,"timestamp":1,"ingestionTime":null}],"nextForwardToken":"f/1"}',
  '{"events":null,"nextForwardToken":"f/1"}',
  '{"\\u0065vents":[{"message":"a"}],"nextForwardToken":"f/1"}',
  "{}",
  "",
])("a page of a log is what the SDK makes of it: %s", async (body) => {
  const theirs = await answering([whole(200, body)], async (endpoint) =>
    new CloudWatchLogsClient({ region: "eu-central-1", credentials, endpoint }).send(command()),
  );
  expect((await ours(whole(200, body))).output).toEqual(theirs);
});

const throttling = JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" });

test.each<[string, Answer, string]>([
  ["it is a page of a proxy", whole(200, "<html><p>Login</p></html>"), "unavailable"],
  ["an element of it is not JSON", whole(200, '{"events":[{"message":}]}'), "unavailable"],
  ["something that is not JSON stands between elements", whole(200, '{"events":[{} oops {}]}'), "unavailable"],
  ["there are too many calls", whole(429, throttling), "throttled"],
])("an answer is asked for again: %s", async (_why, first, outcome) => {
  const { output, attempts } = await ours(first, whole(200, page));
  expect(output).toMatchObject({ nextForwardToken: "f/1", events: [{}, { message: "" }] });
  expect(attempts).toEqual([outcome, "ok"]);
});

test("an answer is asked for again: the connection ends within it", async () => {
  // In a process of its own: errors of Node's own connections are none of the test runner's `Error`, by which the SDK knows them.
  const program = `
    const { GetLogEventsCommand } = await import("@aws-sdk/client-cloudwatch-logs");
    const { logs } = await import(process.argv[1]);
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
    const context = { clock, signal: new AbortController().signal };
    const attempts = [];
    const credentials = { accessKeyId: "product", secretAccessKey: "x" };
    const send = logs(context, { region: "eu-central-1", credentials, observe: ({ outcome }) => attempts.push(outcome) });
    const { events } = await send(new GetLogEventsCommand({ logStreamName: "run/app/1" }));
    console.log(JSON.stringify({ attempts, events }));`;
  const said = await answering([cut(page), whole(200, page)], async (url) => {
    const args = ["--input-type=module", "-e", program, resolve("src/aws/logs.ts")];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { PATH: process.env["PATH"], AWS_ENDPOINT_URL: url },
      timeout: 60_000,
    });
    return JSON.parse(stdout) as unknown;
  });
  const { events } = JSON.parse(page) as { readonly events: unknown };
  expect(said).toEqual({ attempts: ["unavailable", "ok"], events });
}, 60_000);

test("events that are null are left out, and so is what is no event", async () => {
  const { output } = await ours(
    whole(200, '{"events":[null,{"message":"a"},"b",{"message":5}],"nextForwardToken":"f/1"}'),
  );
  expect(output).toMatchObject({ events: [{ message: "a" }, {}] });
});

test("a stream that does not exist is an error of AWS", async () => {
  const body = JSON.stringify({
    __type: "ResourceNotFoundException",
    message: "The specified log stream does not exist.",
  });
  const error = await errorOf(ours(whole(400, body)));
  expect(isAwsError(error, "not-found")).toBe(true);
});

test("a log of another region is asked for there, and others where the client is", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(/Credential=[^/]+\/\d+\/([^/]+)/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    request.resume();
    whole(200, page)(response);
  });
  const listening = await listen(server);
  process.env["AWS_ENDPOINT_URL"] = listening.url;
  try {
    const send = logs(testContext().context, { region: "eu-central-1", credentials });
    for (const region of ["us-east-1", null, "eu-central-1", undefined, "us-east-1"])
      await send(command(), region === undefined ? {} : { region });
    await send(command());
  } finally {
    await listening.close();
  }
  const here = "eu-central-1";
  expect(asked).toEqual(["us-east-1", here, here, here, "us-east-1", here]);
});
