import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { AwsError } from "../../../src/aws/error.ts";
import { objectsAtOnce, type ObjectWriter, objectWriter } from "../../../src/aws/objects.ts";
import { errorOf } from "../../error-of.ts";
import { listen } from "../../loopback.ts";

/** An S3 that answers as it is told, one answer after another; then 200. */
let server: Awaited<ReturnType<typeof listen>>;
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[];
let seen: {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}[];
let writer: ObjectWriter;
let slept: number;

beforeEach(async () => {
  answers = [];
  seen = [];
  slept = 0;
  server = await listen(
    createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
        const answer = answers.shift();
        if (answer === undefined) response.end();
        else answer(request, response);
      });
    }),
  );
  process.env["AWS_ENDPOINT_URL"] = server.url;
  const sleep = (): Promise<void> => {
    slept += 1;
    return Promise.resolve();
  };
  writer = objectWriter(
    { clock: { now: () => Date.now(), sleep }, signal: new AbortController().signal },
    { region: "eu-central-1", credentials: { accessKeyId: "key", secretAccessKey: "secret" } },
  );
});
afterEach(async () => {
  delete process.env["AWS_ENDPOINT_URL"];
  writer.close();
  await server.close();
});

const object = (key: string, text = "x = 1\n") => ({
  bucket: "shop",
  key,
  bytes: Buffer.from(text),
  sha256: createHash("sha256").update(text).digest("hex"),
});
const refuse = (status: number, code: string) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message><RequestId>r1</RequestId></Error>`,
  );
};

test("a request is signed with the hash of its bytes, which S3 compares, and its key is escaped", async () => {
  await writer.put(object("dags/größe (1)/a+b&c's.py"));
  const [put] = seen;
  expect(put).toMatchObject({
    method: "PUT",
    url: "/shop/dags/gr%C3%B6%C3%9Fe%20%281%29/a%2Bb%26c%27s.py",
    body: "x = 1\n",
  });
  expect(put?.headers["x-amz-content-sha256"]).toBe(object("").sha256);
  expect(put?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;.*x-amz-content-sha256.*, Signature=[0-9a-f]{64}$/,
  );
});

test("what is throttled, broken off or answered with a page of a proxy is sent again", async () => {
  answers = [
    refuse(503, "SlowDown"),
    (request) => request.socket.destroy(),
    (_, response) => response.writeHead(502).end("<html>Bad Gateway</html>"),
  ];
  await writer.put(object("a.py"));
  expect(seen.map(({ body }) => body)).toEqual(Array.from({ length: 4 }, () => "x = 1\n"));
  expect(slept).toBe(3);
});

test("what is denied is told with the right that is missing, at once", async () => {
  answers = [refuse(403, "AccessDenied"), refuse(403, "AccessDenied")];
  const put = await errorOf(writer.put(object("a.py")));
  expect(put).toBeInstanceOf(AwsError);
  expect(put).toMatchObject({ failure: "denied", requestId: "r1", resource: "s3://shop/a.py" });
  expect(String(put)).toContain("s3:PutObject");
  expect(String(await errorOf(writer.remove(object("a.py"))))).toContain("s3:DeleteObject");
  expect(slept).toBe(0);
});

test("many go over few connections", async () => {
  const sockets = new Set<number | undefined>();
  answers = Array.from({ length: 500 }, () => (request: IncomingMessage, response: ServerResponse) => {
    sockets.add(request.socket.remotePort);
    response.end();
  });
  await Promise.all(Array.from({ length: 500 }, (_, n) => writer.put(object(`${n}.py`))));
  expect(sockets.size).toBeLessThanOrEqual(objectsAtOnce);
});
