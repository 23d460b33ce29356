import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { DescribeClustersCommand, ECSClient } from "@aws-sdk/client-ecs";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { contractSchema } from "../../../src/domain/contract.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { playInfrastructure } from "../../local-aws/infrastructure/play.ts";

let bed: Bed;
let s3: S3Client;
const Bucket = "bucket";

beforeAll(async () => {
  bed = await startBed();
  s3 = new S3Client(as("deployer"));
  await s3.send(new CreateBucketCommand({ Bucket }));
});

afterAll(() => bed.close());
afterEach(() => bed.aws.faults.clear());

describe("behind the one address", () => {
  test("S3 keeps what it is given under any key, and writes on a condition once", async () => {
    const Key = "a/b c+d é.txt";
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x", IfNoneMatch: "*" }));
    const again = s3.send(new PutObjectCommand({ Bucket, Key, Body: "y", IfNoneMatch: "*" }));
    await expect(again).rejects.toMatchObject({ name: "PreconditionFailed" });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(await Body?.transformToString()).toBe("x");
  });

  test("STS says who asks: the role that the access key names", async () => {
    expect(await new STSClient(as("webserver")).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: bed.account,
      Arn: `arn:aws:sts::${bed.account}:assumed-role/webserver/local-aws`,
    });
  });

  test("ECR's registry is where its API is, and knows by the password who asks", async () => {
    const { authorizationData } = await new ECRClient(as("builder")).send(new GetAuthorizationTokenCommand({}));
    const { proxyEndpoint, authorizationToken } = authorizationData?.[0] ?? {};
    expect(proxyEndpoint).toBe(bed.url);
    const headers = { authorization: `Basic ${authorizationToken}` };
    await (await fetch(`${proxyEndpoint}/v2/none/manifests/tag`, { headers })).body?.cancel();
    expect(bed.calls.at(-1)).toMatchObject({
      service: "registry",
      operation: "GET manifests",
      caller: "builder",
      status: 404,
    });
  });

  test("every call is recorded with its caller and its outcome, to whichever service", async () => {
    const before = bed.calls.length;
    await new ECSClient(as("somebody")).send(new DescribeClustersCommand({}));
    await s3.send(new HeadObjectCommand({ Bucket, Key: "none" })).catch(() => undefined);
    expect(bed.calls.slice(before)).toMatchObject([
      { service: "ecs", operation: "DescribeClusters", caller: "somebody", status: 200 },
      { service: "s3", operation: "HeadObject", resource: "bucket/none", caller: "deployer", status: 404 },
    ]);
  });
});

describe("a fault", () => {
  test("denies one caller what another may", async () => {
    bed.aws.faults.inject({ on: "s3:PutObject", caller: "reader", what: { kind: "access-denied" } });
    const put = new PutObjectCommand({ Bucket, Key: "denied", Body: "x" });
    await expect(new S3Client(as("reader")).send(put)).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining(
        "assumed-role/reader/local-aws is not authorized to perform: s3:PutObject",
      ) as unknown,
    });
    await s3.send(put);
  });

  test("can lose the answer of a write that took effect", async () => {
    bed.aws.faults.inject({ on: "s3:PutObject", times: 1, when: "after", what: { kind: "reset" } });
    const once = new S3Client({ ...as("deployer"), maxAttempts: 1 });
    await expect(once.send(new PutObjectCommand({ Bucket, Key: "lost", Body: "x" }))).rejects.toThrow();
    expect(bed.calls.at(-1)).toMatchObject({ operation: "PutObject", status: null });
    await s3.send(new HeadObjectCommand({ Bucket, Key: "lost" }));
  });

  test("can come from another process", async () => {
    const fault = { on: "ssm:*", what: { kind: "throttle" } };
    await fetch(`${bed.url}/_bed/faults`, { method: "POST", body: JSON.stringify(fault) });
    const ssm = new SSMClient({ ...as("deployer"), maxAttempts: 1 });
    await expect(ssm.send(new GetParameterCommand({ Name: "x" }))).rejects.toMatchObject({
      name: "ThrottlingException",
    });
    await fetch(`${bed.url}/_bed/faults`, { method: "DELETE" });
    await expect(ssm.send(new GetParameterCommand({ Name: "x" }))).rejects.toMatchObject({ name: "ParameterNotFound" });
  });
});

test("S3 tells the bed's time, which a test moves", async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "time/before", Body: "x" }));
  await fetch(`${bed.url}/_bed/clock`, { method: "POST", body: JSON.stringify({ milliseconds: 3_600_000 }) });
  await s3.send(new PutObjectCommand({ Bucket, Key: "time/after", Body: "x" }));
  const ahead = (at: Date | undefined) => Math.floor(((at?.getTime() ?? 0) - Date.now()) / 60_000 + 0.5);

  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "time/" }));
  expect(Contents.map(({ Key, LastModified }) => [Key, ahead(LastModified)])).toEqual([
    ["time/after", 60],
    ["time/before", 0],
  ]);
  const { LastModified } = await s3.send(new HeadObjectCommand({ Bucket, Key: "time/after" }));
  expect(ahead(LastModified)).toBe(60);
  const answer = await fetch(`${bed.url}/${Bucket}/time/after`, { method: "HEAD" });
  expect(ahead(new Date(answer.headers.get("date") ?? ""))).toBe(60);
});

describe("the infrastructure that is played", () => {
  test("tells of itself by a contract in the bucket, whose address is in a parameter", async () => {
    const { contract, contractParameter } = await playInfrastructure(bed, {
      stack: "shop",
      repositories: ["shop/code"],
      services: {
        code: { kind: "code-location", port: 4000 },
        daemon: { kind: "daemon" },
        webserver: { kind: "webserver", port: 3000 },
      },
    });
    const { Parameter } = await new SSMClient(as("deployer")).send(
      new GetParameterCommand({ Name: contractParameter }),
    );
    const { hostname, pathname } = new URL(Parameter?.Value ?? "");
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: hostname, Key: pathname.slice(1) }));
    expect(contractSchema.parse(JSON.parse((await Body?.transformToString()) ?? ""))).toEqual(contract);
    expect(contract.services).toMatchObject({
      code: { service: "shop-code", address: "code.shop.local", port: 4000 },
      daemon: { service: "shop-daemon" },
      webserver: {
        service: "shop-webserver",
        url: expect.stringMatching(/^http:\/\/127\.\d+\.254\.1:3000$/) as unknown,
      },
    });
  });

  test("has a load balancer that answers before anything runs", async () => {
    const [group] = bed.aws.neighbours.targetGroups.values();
    const { url } = await bed.loadBalancer(group?.arn ?? "");
    expect((await fetch(url)).status).toBe(503);
  });

  test("has a database to which the contract leads", async () => {
    expect(await bed.postgresql.query("shop", "SELECT current_database()")).toEqual([["shop"]]);
  });
});

function as(role: string) {
  return {
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: role, secretAccessKey: "secret" },
  };
}
