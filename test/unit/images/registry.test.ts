import { openEcr } from "../../../src/images/access.ts";
import type { EcrSend } from "../../../src/aws/ecr.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { resolveBase } from "../../../src/images/base.ts";
import { siblingsOf } from "../../../src/images/docker/buildx.ts";
import { testContext } from "../context.ts";
import { adviseOn, adviseOnPush } from "../../../src/images/refusal.ts";
import { nextHop } from "../../../src/images/registry.ts";

const endpoint = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";

test.each([
  ["GET", "read from", ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]],
  [
    "PUT",
    "write to",
    expect.arrayContaining(["ecr:BatchGetImage", "ecr:PutImage", "ecr:InitiateLayerUpload"]) as string[],
  ],
])("a %s that ECR denies comes with the statement that allows it", (method, verb, actions) => {
  const { what, fix } = adviseOn({ endpoint, method, path: "/v2/team/app/manifests/x", status: 403, code: "DENIED" });
  expect(what).toBe(
    `The role may not ${verb} the repository team/app: ${method} /v2/team/app/manifests/x gave 403 DENIED.`,
  );
  expect(JSON.parse(fix.slice(fix.indexOf("{")))).toEqual({
    Effect: "Allow",
    Action: actions,
    Resource: "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
  });
});

test.each([
  ["the own account's, as ECR says it", null, endpoint],
  ["another account's, in the same region", "210987654321", "https://210987654321.dkr.ecr.eu-west-1.amazonaws.com"],
])("the address of a registry: %s", async (_, account, expected) => {
  const told = { authorizationToken: Buffer.from("AWS:secret").toString("base64"), proxyEndpoint: endpoint };
  const send = (() => Promise.resolve({ authorizationData: [told] })) as unknown as EcrSend;
  expect((await openEcr(testContext().context, send, account)).endpoint).toBe(expected);
});

describe("an image in the registry of another account", () => {
  const digest = `sha256:${"a".repeat(64)}` as Digest;
  const other = "210987654321.dkr.ecr.eu-west-1.amazonaws.com";
  const opened = async (host: string) => {
    let tokens = 0;
    const told = { authorizationToken: Buffer.from("AWS:secret").toString("base64"), proxyEndpoint: endpoint };
    const ecr = (() => {
      tokens += 1;
      return Promise.resolve({ authorizationData: [told] });
    }) as unknown as EcrSend;
    const { context } = testContext();
    const clients = { ecr, registry: await openEcr(context, ecr) };
    const base = await resolveBase(clients, context, `${host}/base@${digest}`);
    return { endpoint: base.registry.endpoint, isOwn: base.registry === clients.registry, tokens: tokens - 1 };
  };

  test("of this region is read with a login there", async () => {
    expect(await opened(other)).toEqual({ endpoint: `https://${other}`, isOwn: false, tokens: 1 });
  });

  test.each([
    ["our own needs no other login", new URL(endpoint).host, true],
    ["of another region our login is no use for", "210987654321.dkr.ecr.us-east-1.amazonaws.com", false],
    ["of anybody is read without a login", "public.ecr.aws", false],
  ])("%s", async (_, host, isOwn) => {
    expect(await opened(host)).toEqual({ endpoint: `https://${host}`, isOwn, tokens: 0 });
  });

  test("is logged in to for a build, once", () => {
    const images = [`${other}/base:1`, `${other}/tools:2`, `${new URL(endpoint).host}/own:1`, "docker.io/library/a:1"];
    expect(siblingsOf(endpoint, images)).toEqual([other]);
    expect(siblingsOf("http://127.0.0.1:5000", images)).toEqual([]);
  });
});

test("a redirect may lead anywhere, but not out of TLS", () => {
  const from = new URL(`${endpoint}/v2/app/blobs/sha256:0`);
  expect(nextHop(from, "https://bucket.example.com/blob?x=1").href).toBe("https://bucket.example.com/blob?x=1");
  expect(nextHop(from, "/elsewhere").href).toBe(`${endpoint}/elsewhere`);
  expect(nextHop(new URL("http://127.0.0.1:5000/a"), "http://127.0.0.1:5001/b").port).toBe("5001");
  expect(() => nextHop(from, "http://bucket.example.com/blob?signature=1")).toThrow(
    "sends us from 123456789012.dkr.ecr.eu-west-1.amazonaws.com to bucket.example.com over plain HTTP",
  );
});

test("a push that docker was refused is told with what the role needs for it", () => {
  const fix = adviseOnPush("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "team/app");
  expect(JSON.parse(fix.slice(fix.indexOf("{")))).toEqual({
    Effect: "Allow",
    Action: expect.arrayContaining(["ecr:InitiateLayerUpload", "ecr:PutImage"]) as unknown,
    Resource: "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
  });
  expect(adviseOnPush("registry.example:5000", "team/app")).toMatch(
    /push to team\/app; in ECR that takes .*ecr:PutImage/,
  );
});
