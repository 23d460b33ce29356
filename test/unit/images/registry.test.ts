import { jest } from "@jest/globals";
import type { Context } from "../../../src/domain/context.ts";
import { adviseOn } from "../../../src/images/refusal.ts";
import { openRegistry, send } from "../../../src/images/registry.ts";

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

test("who is sent from HTTPS to HTTP does not go", async () => {
  const context: Context = {
    clock: { now: () => 0, sleep: async () => undefined },
    signal: new AbortController().signal,
    report: () => undefined,
  };
  const fetched = jest
    .spyOn(globalThis, "fetch")
    .mockResolvedValue(
      new Response(null, { status: 307, headers: { location: "http://bucket.example.com/blob?x=secret" } }),
    );
  try {
    const registry = openRegistry(context, endpoint, { first: "Basic x", renew: async () => null });
    const request = { method: "GET", path: "/v2/app/blobs/sha256:0", expect: [200] } as const;
    await expect(send(registry, request, ({ status }) => status)).rejects.toThrow(
      "sends us from 123456789012.dkr.ecr.eu-west-1.amazonaws.com to bucket.example.com over plain HTTP",
    );
    expect(fetched).toHaveBeenCalledTimes(1);
  } finally {
    fetched.mockRestore();
  }
});
