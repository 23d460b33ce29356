import type { JsonMap } from "../../../src/domain/json.ts";
import { unreached } from "../../../src/releases/reach.ts";
import { addressInside, containerToAsk } from "../../../src/releases/webserver.ts";
import type { Stack, Webserver } from "../../../src/stack/index.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";

const images = "images: { app: { repository: shop/app, layers: { base: b } } }\n";

function stackWith(web: string, gates: string, known: object): Stack {
  const text = withTop(`${images}services: { web: { kind: webserver, image: app${web} } }\ngates: { ${gates} }\n`);
  return stackOf(text, { contract: contract(known) });
}

const webserver = (stack: Stack): Webserver => {
  const { web } = stack.services;
  if (web?.kind !== "webserver") throw new Error("no webserver");
  return web;
};
const named = { services: { web: { address: "web.shop.local" } }, "log-group": "/shop" };

test.each<[string, string, string, object, string | null]>([
  ["its name in Cloud Map, and its port", ", port: 3333", "", named, "http://web.shop.local:3333"],
  ["the name before the url", ", url: 'https://dagster.example'", "reach: task", named, "http://web.shop.local:3000"],
  [
    "the name with the path prefix of the url",
    ", url: 'https://d.example/dagster/'",
    "reach: task",
    named,
    "http://web.shop.local:3000/dagster",
  ],
  ["the url where there is no name", ", url: 'https://d.example/x'", "reach: task", {}, "https://d.example/x"],
  ["nothing", "", "", {}, null],
])("a task asks the webserver under %s", (_, web, gates, known, address) => {
  expect(addressInside(webserver(stackWith(web, gates, known)))).toBe(address);
});

test("without a url it is the task that asks; with one it is the runner", () => {
  expect(stackWith("", "", named).gates.reach).toBe("task");
  expect(stackWith(", url: 'https://d.example'", "", named).gates.reach).toBe("runner");
});

test.each<[string, string, string, object, RegExp | null]>([
  ["all is there", "", "", named, null],
  ["the runner asks", ", url: 'https://d.example'", "auth: { basic: 'secret:a' }", {}, null],
  ["nobody knows where it is", "", "", { "log-group": "/shop" }, /neither its name there nor a `url` is known/],
  ["there is no log for the answers", "", "", { services: named.services }, /for which the contract names no group/],
  ["there is a login as well", "", "auth: { basic: 'secret:a' }", named, null],
])("when %s", (_, web, gates, known, words) => {
  const found = unreached(stackWith(web, gates, known));
  expect(found.map(({ id, level }) => [id, level])).toEqual(words === null ? [] : [["webserver-unreached", "error"]]);
  if (words !== null) expect(found[0]?.what).toMatch(words);
});

const log = (group: string, prefix?: string) => ({
  logDriver: "awslogs",
  options: { "awslogs-group": group, ...(prefix === undefined ? {} : { "awslogs-stream-prefix": prefix }) },
});
const nginx = { name: "nginx", portMappings: [{ containerPort: 80 }], logConfiguration: log("/nginx", "n") };
const theirs = { name: "dagit", portMappings: [{ containerPort: 3000 }], logConfiguration: log("/theirs", "ecs") };
const ours = { name: "web", logConfiguration: log("/shop", "web") };

test.each<[string, readonly object[], string, object | null]>([
  [
    "of a definition that we have made",
    [ours],
    "",
    { container: "web", log: { group: "/shop", prefix: "web", region: null } },
  ],
  [
    "that somebody else has made, the only one",
    [theirs],
    "",
    { container: "dagit", log: { group: "/theirs", prefix: "ecs", region: null } },
  ],
  [
    "the one with its port",
    [nginx, theirs],
    "",
    { container: "dagit", log: { group: "/theirs", prefix: "ecs", region: null } },
  ],
  [
    "the one that the stack file names",
    [nginx, { ...theirs, portMappings: [] }],
    ", task-definition: live, container: dagit",
    { container: "dagit", log: { group: "/theirs", prefix: "ecs", region: null } },
  ],
  ["none of which it is known", [nginx, { ...theirs, portMappings: [] }], "", null],
  ["none whose stream is known", [{ ...theirs, logConfiguration: log("/theirs") }], "", null],
])("the task that asks is like the webserver's container, by what runs: %s", (_, containers, web, found) => {
  const content = { family: "f", containerDefinitions: containers } as JsonMap;
  expect(containerToAsk(content, webserver(stackWith(web, "", named)))).toEqual(found);
});

test("the log of a definition of the user's own is not the contract's", () => {
  const stack = stackWith(", task-definition: live", "", { services: named.services });
  expect(unreached(stack)).toEqual([]);
});
