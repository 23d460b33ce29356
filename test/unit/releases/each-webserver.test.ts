import type { EcsSend } from "../../../src/aws/ecs.ts";
import { eachWebserver } from "../../../src/releases/each-webserver.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";

const stack = stackOf(
  withTop(`images: { app: { repository: shop/app, layers: { base: b } } }
services: { web: { kind: webserver, image: app, url: "https://d.example/dagster" } }
gates: { every-webserver: true }
`),
  { contract: contract({}) },
);

const webserver = { at: () => Promise.reject(new Error("nobody asks")) as never, isInside: false };

const urlsOf = (tasks: readonly object[]) => {
  const answers = [{ taskArns: tasks.map((_, index) => `arn:${index}`) }, { tasks }];
  const ecs = (() => Promise.resolve(answers.shift())) as unknown as EcsSend;
  return eachWebserver(webserver, { ecs }, stack, "web")?.urls();
};

const withAddress = (value: string) => ({ attachments: [{ details: [{ name: "privateIPv4Address", value }] }] });

test.each<[string, readonly object[], readonly string[] | null]>([
  ["none runs", [], []],
  ["one has just been placed", [{ lastStatus: "PENDING" }], []],
  [
    "they have network interfaces",
    [
      { lastStatus: "RUNNING", ...withAddress("10.0.0.2") },
      { lastStatus: "STOPPED", ...withAddress("10.0.0.1") },
    ],
    ["http://10.0.0.2:3000/dagster"],
  ],
  ["they have their host's, with the network mode bridge", [{ lastStatus: "RUNNING", attachments: [] }], null],
])("tasks of the webserver have these addresses: %s", async (_, tasks, urls) => {
  expect(await urlsOf(tasks)).toEqual(urls);
});
