import { readFileSync } from "node:fs";
import { policyFor } from "../../../../src/releases/policy/policy.ts";

const names = {
  home: { partition: "aws" as const, region: "eu-central-1", account: "123456789012" },
  stack: "shop",
  cluster: "shop",
  contract: { parameter: null, object: null },
  bucket: { name: "dagster-shop", prefix: "" },
  dags: [],
  plainDags: [],
  published: ["dags/shop/"],
  services: ["shop-code"],
  families: [],
  repositories: ["shop"],
  roles: [],
  logGroups: [],
};

test("the page of sync-dags shows the policy that is made for it", () => {
  const [, shown = ""] = /```json\n([^]*?)```/.exec(readFileSync("actions/sync-dags/README.md", "utf8")) ?? [];
  expect(JSON.parse(shown)).toEqual(policyFor(names, { commands: ["sync-dags"], asked: [] }));
});

test("who releases publishes no DAGs, and who publishes releases nothing", () => {
  const sids = (command: string): readonly string[] =>
    policyFor(names, { commands: [command], asked: [] }).Statement.map(({ Sid }) => Sid);
  expect(sids("deploy").filter((sid) => sid.startsWith("Published"))).toEqual([]);
  expect(sids("sync-dags")).toEqual(["Published", "PublishedListed"]);
});
