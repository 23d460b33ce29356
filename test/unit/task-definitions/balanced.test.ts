import { unbalanced } from "../../../src/task-definitions/balanced.ts";

const web = (port: number) => ({ name: "web", portMappings: [{ containerPort: port }] });
const balanced = [{ container: "web", port: 3000 }];

test.each([
  ["no load balancer", { containerDefinitions: [] }, []],
  ["one that finds its port", { containerDefinitions: [web(80), web(3000)].slice(1) }, balanced],
])("nothing is wrong with %s", (_, content, of) => expect(unbalanced(content, of)).toEqual([]));

test.each([
  [
    "another port",
    { containerDefinitions: [web(80)] },
    /has no such port in its/,
    ["containerDefinitions", 0, "portMappings"],
  ],
  [
    "no port",
    { containerDefinitions: [{ name: "web" }] },
    /has no such port/,
    ["containerDefinitions", 0, "portMappings"],
  ],
  [
    "another container",
    { containerDefinitions: [{ name: "nginx" }] },
    /has no such container/,
    ["containerDefinitions"],
  ],
])("a definition with %s than the load balancer names is told with its place", (_, content, what, path) => {
  expect(unbalanced(content, balanced)).toEqual([
    expect.objectContaining({
      id: "load-balancer-port",
      level: "error",
      path,
      what: expect.stringMatching(what) as unknown,
    }),
  ]);
});
