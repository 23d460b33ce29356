import { Readable } from "node:stream";
import fc from "../../properties.ts";
import { ecs } from "../../../src/aws/ecs.ts";
import type { ClientSettings } from "../../../src/aws/settings.ts";
import type { Json, JsonMap } from "../../../src/domain/json.ts";
import { definitionHash } from "../../../src/task-definitions/definition.ts";
import { edited } from "../../../src/task-definitions/edit.ts";
import { existingFile, existingLive } from "../../../src/task-definitions/existing.ts";
import { readOnlyMembers } from "../../../src/task-definitions/read-only.ts";
import { registerDefinition } from "../../../src/task-definitions/register.ts";
import { modelOf } from "../../local-aws/models/model.ts";
import { violations } from "../../local-aws/models/validate.ts";
import { withDefaults } from "../../local-aws/ecs/definition-defaults.ts";
import { testContext } from "../context.ts";
import { registrations } from "./registrations.ts";

const image = `123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:${"0".repeat(64)}`;
const edits = {
  family: "asked",
  images: { c0: image },
  variables: { c0: [{ mode: "merge", environment: { ASKED: "x" }, secrets: { HIDDEN: "arn" } }] },
  labels: {},
  tags: { asked: "y" },
} as const;

type Entry = { readonly name?: string; readonly key?: string };

/** A definition without what was asked for. */
function besides({ tags = [], containerDefinitions, ...rest }: JsonMap): Json {
  const without = (list: Json | undefined, names: readonly string[]): Json =>
    ((list ?? []) as readonly Entry[]).filter(({ name, key }) => !names.includes(name ?? key ?? "")) as Json;
  return {
    ...rest,
    family: "asked",
    tags: without(tags, ["asked"]),
    containerDefinitions: (containerDefinitions as readonly JsonMap[]).map((container) => {
      if (container["name"] !== "c0") return container;
      const { image: __, environment, secrets, ...others } = container;
      return {
        ...others,
        environment: without(environment, ["ASKED", "HIDDEN"]),
        secrets: without(secrets, ["ASKED", "HIDDEN"]),
      };
    }),
  };
}

test("whatever RegisterTaskDefinition may be given comes out as it was, but for what was asked", () => {
  const model = modelOf("ecs");
  const input = model.operations["RegisterTaskDefinition"]?.input ?? { shape: "" };
  fc.assert(
    fc.property(registrations, (request) => {
      expect(violations(model, input, request)).toEqual([]);
      const { content, unknown, mistyped } = existingFile(JSON.stringify(request), "web.json", {});
      expect([unknown, mistyped]).toEqual([[], []]);
      expect(content).toEqual(request);
      const rendered = edited(content, edits) as JsonMap;
      expect(besides(rendered)).toEqual(besides(request));
      expect(violations(model, input, rendered)).toEqual([]);
      const [first] = rendered["containerDefinitions"] as readonly JsonMap[];
      expect(first).toMatchObject({ name: "c0", image });
      expect(first?.["environment"]).toContainEqual({ name: "ASKED", value: "x" });
      expect(first?.["secrets"]).toContainEqual({ name: "HIDDEN", valueFrom: "arn" });
    }),
    {
      numRuns: 150,
      examples: [[{ family: "", containerDefinitions: [{ name: "c0", dockerLabels: { "<<": "" } }] }]],
    },
  );
}, 60_000);

test("what ECS gives back for a definition has the hash of what it was given", () => {
  fc.assert(
    fc.property(registrations, (request) => {
      const stored = withDefaults(request as unknown as Parameters<typeof withDefaults>[0]);
      const described = { ...stored, taskDefinitionArn: "arn", revision: 3, status: "ACTIVE", registeredAt: "now" };
      expect(definitionHash(JSON.parse(JSON.stringify(described)) as Json)).toBe(definitionHash(request));
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("members that are null, and those that AWS adds, are all that goes", () => {
  const members = Object.fromEntries([...readOnlyMembers].map((member) => [member, "x"]));
  const container = { name: "a", image: "b", command: ["", "0"], cpu: 0, hostname: null, dockerLabels: { empty: "" } };
  const { content } = existingLive(
    { ...members, family: "f", pidMode: null, containerDefinitions: [container] },
    "f:1",
  );
  const { hostname: _, ...left } = container;
  expect(content).toEqual({ family: "f", containerDefinitions: [left] });
});

test("a member that the SDK does not know reaches AWS as it stands", async () => {
  const sent: string[] = [];
  const answer = { taskDefinition: { taskDefinitionArn: "arn:aws:ecs:eu-west-1:123456789012:task-definition/f:2" } };
  const requestHandler = {
    handle: ({ headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string }) => {
      const isDescribe = headers["x-amz-target"]?.endsWith(".DescribeTaskDefinition") === true;
      if (!isDescribe) {
        sent.push(body);
        expect(Number(headers["content-length"])).toBe(Buffer.byteLength(body));
      }
      const unknown = { __type: "ClientException", message: "Unable to describe task definition." };
      const text = JSON.stringify(isDescribe ? unknown : answer);
      const answered = { "content-type": "application/x-amz-json-1.1" };
      const response = { statusCode: isDescribe ? 400 : 200, headers: answered, body: Readable.from([text]) };
      return Promise.resolve({ response });
    },
  } as unknown as NonNullable<ClientSettings["requestHandler"]>;
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const send = ecs(testContext().context, { region: "eu-west-1", credentials, requestHandler });
  const content = {
    family: "f",
    newer: { than: ["us", 0, ""] },
    containerDefinitions: [{ name: "c", image: "ä", alsoNew: false }],
    tags: [
      { key: "team", value: "data" },
      { key: "dagster-ecs:commit", value: "of another release" },
    ],
  };
  await registerDefinition(send, "f", content, { "dagster-ecs:commit": "c" });
  const { tags, ...rest } = JSON.parse(sent[0] ?? "{}") as JsonMap;
  const { tags: _, ...asked } = content;
  expect(rest).toEqual(asked);
  expect(tags).toEqual([
    { key: "team", value: "data" },
    { key: "dagster-ecs:commit", value: "c" },
    { key: "dagster-ecs:content-hash", value: definitionHash(content) },
  ]);
});
