import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { createServer } from "node:http";
import { logs } from "../../../src/aws/logs.ts";
import { testContext } from "../context.ts";
import { listen } from "../../loopback.ts";

const credentials = { accessKeyId: "product", secretAccessKey: "x" };
const command = () => new GetLogEventsCommand({ logGroupName: "/app", logStreamName: "run/app/1" });

/** A server on loopback that gives this answer to every call, a few bytes at a time. */
async function answering<Value>(status: number, body: string, ask: (url: string) => Promise<Value>): Promise<Value> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "id-1" });
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
    response.end();
  });
  const listening = await listen(server);
  try {
    return await ask(listening.url);
  } finally {
    await listening.close();
  }
}

async function ours(status: number, body: string): Promise<unknown> {
  return answering(status, body, (url) => {
    process.env["AWS_ENDPOINT_URL"] = url;
    return logs(testContext().context, { region: "eu-central-1", credentials })(command());
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

test.each([page, '{"events":[],"nextForwardToken":"f/1"}'])(
  "a page of a log is what the SDK makes of it: %s",
  async (body) => {
    const theirs = await answering(200, body, async (endpoint) =>
      new CloudWatchLogsClient({ region: "eu-central-1", credentials, endpoint }).send(command()),
    );
    expect(await ours(200, body)).toEqual(theirs);
  },
);

test("a stream that does not exist is an error of AWS", async () => {
  const body = JSON.stringify({
    __type: "ResourceNotFoundException",
    message: "The specified log stream does not exist.",
  });
  await expect(ours(400, body)).rejects.toMatchObject({ name: "AwsError" });
});
