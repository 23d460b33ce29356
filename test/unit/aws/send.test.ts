import { createServer, type ServerResponse } from "node:http";
import { BatchCheckLayerAvailabilityCommand } from "@aws-sdk/client-ecr";
import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import fc from "../../properties.ts";
import { ecr } from "../../../src/aws/ecr.ts";
import { ecs } from "../../../src/aws/ecs.ts";
import { AwsError, isWeather } from "../../../src/aws/error.ts";
import { SessionOver } from "../../../src/aws/failure.ts";
import { logs } from "../../../src/aws/logs.ts";
import { s3 } from "../../../src/aws/s3.ts";
import { type Call, pauseAfter } from "../../../src/aws/send.ts";
import type { ClientSettings } from "../../../src/aws/settings.ts";
import { GetParameterCommand, ssm } from "../../../src/aws/ssm.ts";
import { accountAndRegion } from "../../../src/aws/sts.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { type Listening, listen } from "../../loopback.ts";

type Answer = (response: ServerResponse) => void;

const json =
  (status: number, body: object): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "request-1" });
    response.end(JSON.stringify(body));
  };
const text =
  (status: number, type: string, body: string): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": type });
    response.end(body);
  };
const error = (status: number, name: string, message = "said AWS"): Answer => json(status, { __type: name, message });
const ok = json(200, {});
const reset: Answer = (response) => response.socket?.destroy();
const silence: Answer = () => undefined;

/** Answers one request after another from the list; the last answer stays. */
let answers: Answer[] = [];
let server: Listening;
let endpoint: string;
let calls: Call[];
let slept: number[];

beforeAll(async () => {
  server = await listen(
    createServer((request, response) => {
      request.resume();
      request.on("end", () => (answers.length > 1 ? answers.shift() : answers[0])?.(response));
    }),
  );
  endpoint = server.url;
});

afterAll(() => server.close());

beforeEach(() => {
  answers = [ok];
  calls = [];
  slept = [];
  process.env["AWS_ENDPOINT_URL"] = endpoint;
});

afterEach(() => {
  delete process.env["AWS_ENDPOINT_URL"];
});

/**
 * Node's own errors are of another realm than a test's, so that the SDK takes them for no errors and drops their codes. Made
 * anew here, as they would be outside of jest.
 */
const { requestHandler: socket } = new ECSClient({ region: "eu-west-1" }).config;
const requestHandler: NonNullable<ClientSettings["requestHandler"]> = {
  ...socket,
  handle: (...call: Parameters<typeof socket.handle>) =>
    socket.handle(...call).catch((foreign: unknown) => {
      const { message, ...members } = foreign as Error;
      throw Object.assign(new Error(message), members);
    }),
};

const settings: ClientSettings = {
  region: "eu-west-1",
  requestHandler,
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "never-shown" },
  observe: (call) => calls.push(call),
};

function context(signal = new AbortController().signal) {
  const clock = {
    now: () => 0,
    sleep: (milliseconds: number) => {
      slept.push(milliseconds);
      return Promise.resolve();
    },
  };
  return { clock, signal };
}

const read = () => ecs(context(), settings)(new DescribeServicesCommand({ services: ["web"] }));
const write = (options = {}) => ecs(context(), settings)(new UpdateServiceCommand({ service: "web" }), options);

async function failureOf(call: Promise<unknown>): Promise<AwsError> {
  const thrown: unknown = await call.catch((error: unknown) => error);
  if (thrown instanceof AwsError) return thrown;
  throw new Error(`no AwsError: ${String(thrown)}`);
}

describe("A call", () => {
  test("goes where AWS_ENDPOINT_URL says, and gives the output", async () => {
    answers = [json(200, { services: [{ serviceName: "web" }], failures: [] })];
    expect((await read()).services).toEqual([{ serviceName: "web" }]);
    expect(calls).toEqual([
      { service: "ECS", operation: "DescribeServices", milliseconds: 0, attempt: 1, outcome: "ok" },
    ]);
  });

  test.each([
    ["a throttle", error(400, "ThrottlingException")],
    ["an error of AWS", error(500, "ServerException")],
    ["a proxy's page", text(502, "text/html", "<html>")],
    ["a page that says all is well", text(200, "text/html", "<html>")],
    ["an empty 503", text(503, "text/plain", "")],
    ["a reset", reset],
  ])("that reads is repeated after %s", async (_name, weather) => {
    answers = [weather, weather, ok];
    await read();
    expect(calls.map(({ outcome }) => outcome === "ok")).toEqual([false, false, true]);
    expect(slept).toHaveLength(2);
  });

  test.each([
    ["unavailable", error(500, "ServerException")],
    ["unavailable", text(200, "text/html", "<html>")],
    ["unreachable", reset],
  ])("that writes is not repeated when it may have taken effect: %s", async (kind, weather) => {
    answers = [weather, ok];
    expect(await failureOf(write())).toMatchObject({ failure: kind, refused: false });
    expect(calls).toHaveLength(1);
  });

  test("that writes is repeated when AWS did nothing", async () => {
    answers = [error(400, "ThrottlingException"), ok];
    await write();
    expect(calls.map(({ outcome }) => outcome)).toEqual(["throttled", "ok"]);
  });

  test("that writes is repeated when its caller says that twice is once", async () => {
    answers = [reset, error(500, "ServerException"), ok];
    await write({ idempotent: true });
    expect(calls.map(({ outcome }) => outcome)).toEqual(["unreachable", "unavailable", "ok"]);
  });

  test("that finds nobody at the other end is repeated, even a write", async () => {
    process.env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1";
    const failed = await failureOf(write());
    expect(failed).toMatchObject({ failure: "unreachable", code: "ECONNREFUSED", refused: true });
    expect(calls).toHaveLength(6);
  });

  test("is given up after six attempts, and says so", async () => {
    answers = [error(400, "ThrottlingException")];
    const failed = await failureOf(read());
    expect(isWeather(failed)).toBe(true);
    expect(failed.what).toContain("refused 6 times");
    expect(slept).toHaveLength(5);
  });

  test.each([
    ["denied", error(400, "AccessDeniedException")],
    ["denied", error(400, "UnrecognizedClientException")],
    ["expired", error(400, "ExpiredTokenException")],
    ["not-found", error(400, "ClusterNotFoundException")],
    ["conflict", error(400, "ConflictException")],
    ["conflict", error(400, "ServiceNotActiveException")],
    ["invalid", error(400, "InvalidParameterException")],
    ["invalid", error(400, "LimitExceededException")],
  ])("is not repeated when another would end alike: %s", async (kind, answer) => {
    answers = [answer];
    expect(await failureOf(read())).toMatchObject({
      failure: kind,
      service: "ECS",
      operation: "DescribeServices",
      requestId: "request-1",
      refused: true,
    });
    expect(calls).toHaveLength(1);
  });

  test("ends at once when the signal aborts, with its reason", async () => {
    answers = [silence];
    const controller = new AbortController();
    const reason = new Error("enough");
    const call = ecs(context(controller.signal), settings)(new DescribeServicesCommand({ services: ["web"] }));
    setImmediate(() => controller.abort(reason));
    await expect(call).rejects.toBe(reason);
  });

  test("is not made once the signal has aborted", async () => {
    const reason = new Error("enough");
    const call = ecs(context(AbortSignal.abort(reason)), settings)(new DescribeServicesCommand({ services: ["web"] }));
    await expect(call).rejects.toBe(reason);
    expect(calls).toEqual([]);
  });
});

describe("The pause before another attempt", () => {
  test("is never longer than eight seconds, and doubles at most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const pause = pauseAfter(attempt, random);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual(Math.min(8_000, 500 * 2 ** (attempt - 1)));
      }),
    );
  });
});

describe("The error", () => {
  test("of a right that is missing is the statement that gives it", async () => {
    const arn = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web";
    const message = `User: arn:aws:sts::123456789012:assumed-role/deploy/s is not authorized to perform: ecs:UpdateService on resource: ${arn} because no identity-based policy allows the ecs:UpdateService action`;
    answers = [error(400, "AccessDeniedException", message)];
    const failed = await failureOf(write({ resource: "service web in cluster prod" }));
    expect(failed.what).toBe(`deploy may not do ecs:UpdateService on ${arn}.`);
    expect(failed.where).toBe("ECS UpdateService, service web in cluster prod (request request-1)");
    expect(failed.fix).toBe(
      `Add this statement to a policy of deploy:\n{"Effect":"Allow","Action":"ecs:UpdateService","Resource":"${arn}"}`,
    );
  });

  test("of a right that somebody forbids does not send people to a policy that would not help", async () => {
    const message =
      "User: arn:aws:sts::123456789012:assumed-role/deploy/s is not authorized to perform: ecs:UpdateService on resource: * with an explicit deny in a service control policy";
    answers = [error(400, "AccessDeniedException", message)];
    const failed = await failureOf(write());
    expect(failed.what).toBe("a service control policy forbids deploy ecs:UpdateService.");
    expect(failed.fix).not.toContain("Effect");
  });

  test("of a session that is over says how a workflow gets a longer one, or one that is renewed", async () => {
    answers = [error(400, "ExpiredTokenException", "The security token included in the request is expired")];
    const failed = await failureOf(read());
    expect(failed.fix).toContain("role-duration-seconds of aws-actions/configure-aws-credentials");
    expect(failed.fix).toContain("input `role-to-assume`");
  });

  test("of a session that could not be renewed says why, and that AWS was not even asked", async () => {
    const over = new SessionOver({ what: "It is over, and GitHub gives no token.", fix: "Ask GitHub." });
    const call = ecs(context(), { ...settings, credentials: () => Promise.reject(over) });
    const failed = await failureOf(call(new UpdateServiceCommand({ service: "web" }), { resource: "service web" }));
    expect(failed).toMatchObject({ failure: "expired", refused: true, what: over.what, fix: over.fix });
    expect(failed.where).toBe("ECS UpdateService, service web");
    expect(calls).toHaveLength(1);
  });

  test("of a role that could not be assumed is what went wrong with that, and no failure of this call", async () => {
    const refused = new UserError({ what: "The role does not trust this job.", fix: "Let it." });
    const call = ecs(context(), { ...settings, credentials: () => Promise.reject(refused) });
    await expect(call(new DescribeServicesCommand({ services: ["web"] }))).rejects.toBe(refused);
  });

  test("of credentials that nobody knows speaks of them, not of policies", async () => {
    answers = [error(400, "UnrecognizedClientException", "The security token included in the request is invalid.")];
    const failed = await failureOf(read());
    expect(failed.what).toContain("does not accept the credentials");
    expect(failed.fix).not.toContain("Effect");
  });

  test("never repeats a value of the request", async () => {
    const message = "1 validation error detected: Value 'hunter2' at 'password' failed to satisfy constraint";
    answers = [error(400, "ValidationException", message)];
    const failed = await failureOf(read());
    expect(failed.message).not.toContain("hunter2");
    expect(failed.message).toContain("Value (hidden) at 'password'");
  });

  test("is one that the user is told without a stack trace", async () => {
    answers = [error(400, "InvalidParameterException")];
    expect(await failureOf(read())).toBeInstanceOf(UserError);
  });

  test("of a missing region says where to set it", async () => {
    const { region: _, ...nowhere } = settings;
    const before = process.env["AWS_REGION"];
    delete process.env["AWS_REGION"];
    const call = ecs(context(), nowhere)(new DescribeServicesCommand({ services: ["web"] }));
    await expect(call).rejects.toThrow("No AWS region is set.");
    if (before !== undefined) process.env["AWS_REGION"] = before;
  });

  test.each(["CredentialsProviderError", "TokenProviderError"])(
    "of missing credentials says which step gives them: %s",
    async (name) => {
      const credentials = () => Promise.reject(Object.assign(new Error("none"), { name }));
      const call = ecs(context(), { ...settings, credentials })(new DescribeServicesCommand({ services: ["web"] }));
      await expect(call).rejects.toThrow("aws-actions/configure-aws-credentials");
    },
  );
});

describe("Every client", () => {
  test.each([
    {
      call: () =>
        ecr(context(), settings)(new BatchCheckLayerAvailabilityCommand({ repositoryName: "r", layerDigests: ["d"] })),
      action: "ecr:BatchCheckLayerAvailability",
    },
    {
      call: () => logs(context(), settings)(new GetLogEventsCommand({ logStreamName: "s" })),
      action: "logs:GetLogEvents",
    },
    {
      call: () => ssm(context(), settings)(new GetParameterCommand({ Name: "/p" })),
      action: "ssm:GetParameter",
    },
  ])("knows its operation and repeats its reads: $action", async ({ call, action }) => {
    answers = [error(500, "InternalError"), error(400, "AccessDeniedException", "no")];
    expect((await failureOf(call())).fix).toContain(`"Action":"${action}"`);
    expect(calls).toHaveLength(2);
  });

  test.each([
    [403, "AccessDenied", "denied"],
    [404, "NoSuchKey", "not-found"],
    [412, "PreconditionFailed", "conflict"],
    [409, "ConditionalRequestConflict", "conflict"],
    [400, "ExpiredToken", "expired"],
    [400, "EntityTooLarge", "invalid"],
  ])("S3 answers %i %s: %s", async (status, code, kind) => {
    answers = [text(status, "application/xml", `<Error><Code>${code}</Code><Message>m</Message></Error>`)];
    const call = s3(context(), settings)(new PutObjectCommand({ Bucket: "bucket", Key: "key", Body: "body" }));
    expect(await failureOf(call)).toMatchObject({ failure: kind, code });
  });

  test("a HEAD of S3 is denied without a word, and is allowed by GetObject", async () => {
    answers = [text(403, "application/xml", "")];
    const failed = await failureOf(s3(context(), settings)(new HeadObjectCommand({ Bucket: "bucket", Key: "key" })));
    expect(failed.fix).toContain('"Action":"s3:GetObject"');
  });

  test("SlowDown of S3 is a throttle although it is a 503", async () => {
    answers = [text(503, "application/xml", "<Error><Code>SlowDown</Code></Error>"), text(200, "text/plain", "")];
    await s3(context(), settings)(new PutObjectCommand({ Bucket: "bucket", Key: "key", Body: "body" }));
    expect(calls.map(({ outcome }) => outcome)).toEqual(["throttled", "ok"]);
  });

  test("STS says who calls, and from where", async () => {
    const body =
      "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-us-gov:sts::123456789012:assumed-role/deploy/s</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    answers = [text(200, "text/xml", body)];
    expect(await accountAndRegion(context(), settings)).toEqual({
      account: "123456789012",
      partition: "aws-us-gov",
      region: "eu-west-1",
      arn: "arn:aws-us-gov:sts::123456789012:assumed-role/deploy/s",
    });
  });
});
