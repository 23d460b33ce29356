import { readdirSync, readFileSync } from "node:fs";
import { modelOf, shapeOf, type ServiceModel } from "../../local-aws/models/model.ts";
import { violations } from "../../local-aws/models/validate.ts";
import { serviceNames } from "../../local-aws/api.ts";
import { openStage } from "./stage.ts";

const model: ServiceModel = {
  service: "toy",
  metadata: { protocol: "json", apiVersion: "1" },
  operations: {},
  shapes: {
    Request: {
      type: "structure",
      required: ["name"],
      members: {
        name: { shape: "Name" },
        size: { shape: "Size" },
        colours: { shape: "Colours" },
        labels: { shape: "Labels" },
        at: { shape: "Time" },
        loud: { shape: "Flag" },
      },
    },
    Name: { type: "string", min: 2, max: 4, pattern: "[a-z]+" },
    Size: { type: "integer", min: 1, max: 10 },
    Colours: { type: "list", member: { shape: "Colour" }, max: 2 },
    Colour: { type: "string", enum: ["red", "blue"] },
    Labels: { type: "map", key: { shape: "Name" }, value: { shape: "Size" } },
    Time: { type: "timestamp" },
    Flag: { type: "boolean" },
  },
};

describe("a request or answer held against the service model", () => {
  test("passes when it keeps to it", () => {
    const value = { name: "abc", size: 3, colours: ["red"], labels: { ab: 1 }, at: new Date(0), loud: true };
    expect(violations(model, { shape: "Request" }, value)).toEqual([]);
    expect(violations(model, { shape: "Request" }, { name: "abc", size: undefined })).toEqual([]);
  });

  test.each([
    { value: {}, says: "Request: lacks the required member name" },
    { value: { name: "abc", sise: 1 }, says: "Request: has no member sise" },
    { value: { name: 7 }, says: "name: must be a string" },
    { value: { name: "a" }, says: "name: must be at least 2 characters" },
    { value: { name: "abcde" }, says: "name: must be at most 4 characters" },
    { value: { name: "ABC" }, says: "name: must match [a-z]+" },
    { value: { name: "abc", size: 1.5 }, says: "size: must be an integer" },
    { value: { name: "abc", size: 0 }, says: "size: must be at least 1" },
    { value: { name: "abc", colours: "red" }, says: "colours: must be a list" },
    { value: { name: "abc", colours: ["red", "green"] }, says: 'colours[1]: must be one of red, blue, not "green"' },
    { value: { name: "abc", colours: ["red", "red", "red"] }, says: "colours: must be at most 2 elements" },
    { value: { name: "abc", labels: { A: 1 } }, says: "labels key A: must match [a-z]+" },
    { value: { name: "abc", labels: { ab: "1" } }, says: "labels.ab: must be an integer" },
    { value: { name: "abc", at: 0 }, says: "at: must be a time" },
    { value: { name: "abc", loud: "yes" }, says: "loud: must be true or false" },
  ])("says: $says", ({ value, says }) => {
    expect(violations(model, { shape: "Request" }, value)[0]).toBe(says);
  });
});

describe("the models", () => {
  test.each(serviceNames)("of %s are whole, and their patterns can be read", (service) => {
    const known = modelOf(service);
    for (const shape of Object.values(known.shapes)) {
      const references =
        shape.type === "structure"
          ? Object.values(shape.members)
          : shape.type === "list"
            ? [shape.member]
            : shape.type === "map"
              ? [shape.key, shape.value]
              : [];
      for (const reference of references) shapeOf(known, reference);
      if (shape.type === "string" && shape.pattern !== undefined) new RegExp(shape.pattern, "u");
    }
  });

  test("name their source and licence", () => {
    const folder = new URL("../../local-aws/models/", import.meta.url);
    const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
    expect(files).toHaveLength(serviceNames.length);
    for (const name of files) {
      expect(readFileSync(new URL(name, folder), "utf8")).toMatch(/botocore \d+\.\d+\.\d+, .*Apache License 2\.0/);
    }
  });
});

describe("the bed", () => {
  test("refuses a member that AWS does not know", async () => {
    const { aws } = await openStage();
    const input = { cluster: "main", services: ["app"], inclde: ["TAGS"] };
    const answer = await aws.handle({ service: "ecs", operation: "DescribeServices", input, caller: "me" });
    expect(answer).toMatchObject({
      kind: "error",
      name: "InvalidParameterException",
      message: "DescribeServicesRequest: has no member inclde",
    });
  });

  test("refuses a request that lacks a required member or has a wrong type", async () => {
    const { aws } = await openStage();
    const call = { service: "ecs", operation: "UpdateService", caller: "me" } as const;
    expect(await aws.handle({ ...call, input: { cluster: "main" } })).toMatchObject({
      message: "UpdateServiceRequest: lacks the required member service",
    });
    expect(await aws.handle({ ...call, input: { service: "app", desiredCount: "2" } })).toMatchObject({
      message: "desiredCount: must be an integer",
    });
  });

  test("throws when its own answer breaks the model", async () => {
    const { aws } = await openStage();
    aws.neighbours.roles.set("task", { name: "task", arn: "short", trustPolicy: "{}" });
    const call = { service: "iam", operation: "GetRole", input: { RoleName: "task" }, caller: "me" } as const;
    await expect(aws.handle(call)).rejects.toThrow(
      "bug of local-aws: the answer to GetRole breaks the model: Role.Arn",
    );
  });

  test("says aloud what it does not play", async () => {
    const stage = await openStage();
    await expect(
      stage.create(await stage.register(), {
        deploymentConfiguration: { bakeTimeInMinutes: 5 },
      }),
    ).rejects.toMatchObject({
      name: "UnsupportedFeatureException",
      message: expect.stringContaining("a bake time of rolling updates") as unknown,
    });
    const unknown = { service: "ecs", operation: "DeleteCluster", input: {}, caller: "me" } as const;
    await expect(stage.aws.handle(unknown)).rejects.toThrow("local-aws does not play ecs:DeleteCluster");
  });
});
