import { faultAnswer } from "../../local-aws/gateway/fault-answers.ts";
import { type BackingCall, readBackingCall } from "../../local-aws/gateway/backing-call.ts";

test.each([
  ["GET", "/", "ListBuckets", ""],
  ["PUT", "/bucket", "CreateBucket", "bucket"],
  ["PUT", "/bucket/", "CreateBucket", "bucket"],
  ["GET", "/bucket?list-type=2&prefix=a", "ListObjectsV2", "bucket"],
  ["GET", "/bucket?versions", "ListObjectVersions", "bucket"],
  ["HEAD", "/bucket", "HeadBucket", "bucket"],
  ["POST", "/bucket?delete", "DeleteObjects", "bucket"],
  ["PUT", "/bucket/a/b%20c.txt?x-id=PutObject", "PutObject", "bucket/a/b c.txt"],
  ["GET", "/bucket/folder/", "GetObject", "bucket/folder/"],
  ["HEAD", "/bucket/key", "HeadObject", "bucket/key"],
  ["DELETE", "/bucket/key", "DeleteObject", "bucket/key"],
  ["PUT", "/bucket/key?partNumber=1&uploadId=x", "UploadPart", "bucket/key"],
])("%s %s is S3's %s", (method, url, operation, resource) => {
  expect(readBackingCall({ method, url, headers: {} })).toEqual({ service: "s3", protocol: "s3", operation, resource });
});

test.each([
  ["HEAD", "/v2/a/b/blobs/sha256:0", "HEAD blobs"],
  ["POST", "/v2/a/b/blobs/uploads/", "POST uploads"],
  ["PUT", "/v2/a/b/manifests/tag", "PUT manifests"],
  ["GET", "/v2/", "GET ping"],
])("%s %s is the registry's %s", (method, url, operation) => {
  expect(readBackingCall({ method, url, headers: {} })).toMatchObject({ service: "registry", operation });
});

test.each([
  ["AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", "ecr", "GetAuthorizationToken"],
  ["Logs_20140328.PutLogEvents", "logs", "PutLogEvents"],
  ["secretsmanager.GetSecretValue", "secretsmanager", "GetSecretValue"],
  ["AmazonSSM.GetParameters", "ssm", "GetParameters"],
])("%s is %s's %s", (target, service, operation) => {
  const headers = { "x-amz-target": target };
  expect(readBackingCall({ method: "POST", url: "/", headers })).toMatchObject({
    service,
    operation,
    protocol: "json",
  });
});

describe("a fault", () => {
  const call = (protocol: BackingCall["protocol"], service: string): BackingCall => ({
    service,
    protocol,
    operation: "Operation",
    resource: "bucket/key",
  });
  const arn = "arn:aws:sts::123456789012:assumed-role/deployer/local-aws";

  test.each([
    ["s3", "s3", "throttle", 503, "<Code>SlowDown</Code>"],
    ["s3", "s3", "access-denied", 403, `User: ${arn} is not authorized to perform: s3:Operation on resource`],
    ["json", "ssm", "throttle", 400, '"__type":"ThrottlingException"'],
    ["json", "ssm", "access-denied", 400, `User: ${arn} is not authorized to perform: ssm:Operation on resource: *`],
    ["json", "ecr", "expired-token", 400, '"__type":"ExpiredTokenException"'],
    ["registry", "registry", "expired-token", 403, "authorization token has expired"],
    ["registry", "registry", "throttle", 429, "TOOMANYREQUESTS"],
    ["registry", "registry", "server-error", 500, "errors"],
  ] as const)("of %s (%s): %s is answered with %i", (protocol, service, kind, status, words) => {
    const answer = faultAnswer({ kind }, call(protocol, service), arn);
    expect(answer).toMatchObject({ status, body: expect.stringContaining(words) as unknown });
  });

  test("can be a page where JSON was due, or no answer at all", () => {
    expect(faultAnswer({ kind: "html" }, call("json", "ssm"), arn)?.headers["content-type"]).toBe("text/html");
    expect(faultAnswer({ kind: "reset" }, call("json", "ssm"), arn)).toBeNull();
  });
});
