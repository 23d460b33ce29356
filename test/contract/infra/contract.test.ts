import { readFileSync } from "node:fs";
import * as z from "zod";
import { contractSchema } from "../../../src/domain/contract.ts";
import { unreached } from "../../../src/releases/reach.ts";
import { addressInside, webserversOf } from "../../../src/releases/webserver.ts";
import { fileOfQuickStart } from "../../quick-start.ts";
import { stackOf } from "../../unit/stack/reading.ts";
import { copyInfrastructure } from "../../infra/tofu.ts";

// What infrastructure writes is read by the parser of the actions, and means what it says.

const infrastructure = await copyInfrastructure();

afterAll(() => infrastructure.remove());

const billSchema = z.object({
  lines: z.record(z.string(), z.number()),
  total: z.number(),
  unpriced: z.array(z.string()),
});

/** The text of the object in the bucket. */
async function writtenBy(part: string): Promise<string> {
  const objects = await infrastructure.applied(part, "aws_s3_object");
  expect(objects).toHaveLength(1);
  return z.string().parse(objects[0]?.["content"]);
}

async function apply(part: string, variables: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const given = Object.entries(variables).map(([key, value]) =>
    typeof value === "string" ? `-var=${key}=${value}` : `-var=${key}=${JSON.stringify(value)}`,
  );
  const { exitCode, stderr } = await infrastructure.tofu(part, "apply", "-auto-approve", "-no-color", ...given);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
}

test("the contract of a new account is the actions' own", async () => {
  await apply("examples/new-account");
  const contract = contractSchema.parse(JSON.parse(await writtenBy("examples/new-account")));
  expect(contract).toMatchObject({
    account: "111122223333",
    region: "us-east-1",
    cluster: "shop",
    network: { "public-address": false },
    bucket: { name: "example-shop-dagster", prefix: "" },
    roles: { execution: "shop-execution", run: "shop-run", "code-location": "shop-code-location" },
    "log-group": "/dagster/shop",
    services: {
      code: { service: "shop-code", address: "code.shop.internal", port: 4000, "log-group": "/dagster/shop/code" },
      daemon: { service: "shop-daemon" },
      webserver: { service: "shop-webserver", port: 3000 },
    },
    database: {
      port: 5432,
      user: { from: "secret:shop/database#username" },
      password: "secret:shop/database#password",
    },
  });
});

test("the stack file of the quick start suits the contract of a new account: a task asks the webserver, by its name", async () => {
  await apply("examples/new-account");
  const contract = contractSchema.parse(JSON.parse(await writtenBy("examples/new-account")));
  expect(contract.services["webserver"]?.url).toMatch(/^http:/);
  const asked = { contract, account: "111122223333" };
  const stack = stackOf(fileOfQuickStart("dagster-stack.yml"), asked);
  const [webserver] = webserversOf(stack);
  expect(webserver === undefined ? null : addressInside(webserver)).toBe("http://webserver.shop.internal:3000");
  expect({ reach: stack.gates.reach, unreached: unreached(stack) }).toEqual({ reach: "task", unreached: [] });
  expect(await infrastructure.read("examples/new-account/main.tf")).toMatch(/^ {2}reach = "task"$/m);
});

test("nobody whom its owner has not named may assume a role in a new account", async () => {
  const trusts = (await infrastructure.applied("examples/new-account", "aws_iam_role")).map(
    ({ assume_role_policy: trust }) => String(trust),
  );
  const repositories = trusts.flatMap((trust) => trust.match(/(?<=repo:)[\w.@/-]+/g) ?? []);
  expect(new Set(repositories)).toEqual(new Set(["example/shop", "example@1234/shop@5678"]));
});

test("the contract of the small one, too", async () => {
  await apply("examples/small");
  const contract = contractSchema.parse(JSON.parse(await writtenBy("examples/small")));
  expect(contract).toMatchObject({ region: "ap-southeast-2", network: { "public-address": true } });
  expect(contract.services["webserver"]?.url).toMatch(/^http:/);
});

test("the contract of what is looked up by name, too", async () => {
  await apply("examples/by-name");
  const contract = contractSchema.parse(JSON.parse(await writtenBy("examples/by-name")));
  expect(contract).toMatchObject({
    cluster: "asset-manager",
    bucket: { name: "asset-manager-artifacts", prefix: "deploys/" },
    roles: { execution: "asset-manager-execution", task: "asset-manager-task" },
    services: { web: { service: "asset-manager-web", url: "https://dg.example.com" } },
    database: { host: "postgres.example.com", password: "ssm:/asset-manager/DAGSTER_PG_PASSWORD" },
  });
});

test.each(["small", "new-account"])("the bill of the example %s is the one that the page shows", async (example) => {
  const { stdout } = await infrastructure.tofu(`examples/${example}`, "output", "-json", "monthly_cost");
  const { lines, total, unpriced } = billSchema.parse(JSON.parse(stdout));
  const shown = readFileSync("docs/infrastructure.md", "utf8")
    .split("\n")
    .find((line) => line.startsWith(`| [\`${example}\`]`));
  const named = Object.entries(lines).map(([line, usd]) => `${usd.toFixed(2)} (${line})`);
  const [, told, sum, missing] = (shown ?? "")
    .split("|")
    .slice(1)
    .map((cell) => cell.trim());
  expect({ told, sum, missing }).toEqual({
    told: named.join("; "),
    sum: total.toFixed(2),
    missing: unpriced.join("; "),
  });
});

test("every key of the contract can be written, beside code of one's own", async () => {
  const part = "modules/contract";
  await apply(part, {
    name: "shop",
    contract_version: 3,
    cluster: "shop",
    network: { subnets: ["subnet-1a"], security_groups: ["sg-1a"], public_address: true },
    bucket: { name: "shop-dagster", prefix: "deploys/" },
    roles: { execution: "e", task: "t" },
    log_group: "/shop",
    services: {
      code: { service: "s", address: "a", port: 4000, url: "http://a:4000", log_group: "/shop/code", task_role: "c" },
    },
    database: { host: "db", port: 5433, name: "dagster", user: "dagster", password: "ssm:/shop/password" },
    name_ttl_seconds: 30,
    efs: "fs-1",
  });
  const written: unknown = JSON.parse(await writtenBy(part));
  expect(contractSchema.parse(written)).toEqual(written);
  expect(Object.keys(z.record(z.string(), z.unknown()).parse(written)).sort()).toEqual(
    Object.keys(contractSchema.shape).sort(),
  );
});

test("the network of a service that exists is one that the actions take", async () => {
  const part = "modules/contract";
  await apply(part, {
    name: "shop",
    cluster: "shop",
    network: { like_service: "shop-daemon" },
    bucket: { name: "shop-dagster" },
  });
  expect(contractSchema.parse(JSON.parse(await writtenBy(part))).network).toEqual({ "like-service": "shop-daemon" });
});

test("what the module refuses, the actions would refuse, and the other way round", async () => {
  const base = {
    name: "shop",
    cluster: "shop",
    network: { like_service: "shop-daemon" },
    bucket: { name: "shop-dagster" },
  };
  const references = [
    "ssm:/a/b",
    "secret:a/b",
    "secret:a#b",
    "hunter2",
    "ssm:a",
    "secret:rds!db-1#password",
    "secret:a#b#c",
  ];
  for (const password of references) {
    const database = { host: "db", name: "dagster", user: "dagster", password };
    const { exitCode } = await infrastructure.tofu(
      "modules/contract",
      "plan",
      "-no-color",
      ...Object.entries({ ...base, database }).map(([key, value]) =>
        typeof value === "string" ? `-var=${key}=${value}` : `-var=${key}=${JSON.stringify(value)}`,
      ),
    );
    const taken = contractSchema.safeParse({
      cluster: "shop",
      network: { "like-service": "shop-daemon" },
      bucket: { name: "shop-dagster" },
      database,
    }).success;
    expect({ password, taken: exitCode === 0 }).toEqual({ password, taken });
  }
});
