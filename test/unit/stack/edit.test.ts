import { type Edit, editYaml } from "../../../src/stack/edit.ts";
import { readdirSync, readFileSync } from "node:fs";
import { messageOf } from "../../../src/domain/errors.ts";

const dags = { directory: "x", module: "m" };
const add: Edit = { kind: "set", path: ["dags", "x"], value: dags, after: ["services", "runs"] };
const drop: Edit = { kind: "remove", path: ["dags", "x"] };
const load: Edit = { kind: "add-item", path: ["services", "daemon", "locations"], item: "x" };
const unload: Edit = { kind: "remove-item", path: ["services", "daemon", "locations"], item: "x" };

test.each<[string, Edit, string, string]>([
  [
    "a mapping in block style gets its member at the end, and comments stay",
    add,
    "name: a\ndags: # all\n  # the first\n  a: { directory: a }  # why\n  # b: not yet\n\nruns: {}\n",
    "name: a\ndags: # all\n  # the first\n  a: { directory: a }  # why\n  x: { directory: x, module: m }\n  # b: not yet\n\nruns: {}\n",
  ],
  [
    "beside a neighbour that is written in lines it is written in lines",
    add,
    "dags:\n    a:\n        directory: a\n        module: b # c\nruns: {}\n",
    "dags:\n    a:\n        directory: a\n        module: b # c\n    x:\n      directory: x\n      module: m\nruns: {}\n",
  ],
  [
    "a mapping in braces stays in braces",
    add,
    "dags: { a: { directory: a } } # both\n",
    "dags: { a: { directory: a }, x: { directory: x, module: m } } # both\n",
  ],
  ["an empty mapping in braces, too", add, "dags: {} # none\n", "dags: { x: { directory: x, module: m } } # none\n"],
  [
    "braces over several lines, with a comma at the end",
    add,
    "dags: {\n  a: { directory: a }, # one\n}\n",
    "dags: {\n  a: { directory: a }, x: { directory: x, module: m }, # one\n}\n",
  ],
  [
    "what is not there comes after what it should come after",
    add,
    "name: a\n\nservices:\n  web: { kind: webserver } # w\n\nruns: { image: a }\n\n# last\ngates: {}\n",
    "name: a\n\nservices:\n  web: { kind: webserver } # w\n\nruns: { image: a }\n\ndags:\n  x: { directory: x, module: m }\n\n# last\ngates: {}\n",
  ],
  [
    "and at the end where nothing of that is there, without a line end, too",
    add,
    "name: a\nregion: b",
    "name: a\nregion: b\ndags:\n  x: { directory: x, module: m }\n",
  ],
  [
    "a key without a value gets one",
    add,
    "name: a\ndags: # none yet\nregion: b\n",
    "name: a\ndags: # none yet\n  x: { directory: x, module: m }\nregion: b\n",
  ],
  [
    "behind a text of several lines",
    add,
    "dags:\n  a:\n    why: |\n      one\n      two\n\nregion: b\n",
    "dags:\n  a:\n    why: |\n      one\n      two\n  x:\n    directory: x\n    module: m\n\nregion: b\n",
  ],
  [
    "lines that end as on Windows",
    add,
    "dags:\r\n  a: {}\r\n",
    "dags:\r\n  a: {}\r\n  x: { directory: x, module: m }\r\n",
  ],
  [
    "a file in braces",
    add,
    '{ "name": "a", "dags": { "a": {} } }\n',
    '{ "name": "a", "dags": { "a": {}, x: { directory: x, module: m } } }\n',
  ],
  [
    "a name that YAML would take for something else is put in quotes",
    { kind: "set", path: ["dags", "1"], value: { prefix: "a: b", module: "true" } },
    "dags:\n  a: {}\n",
    'dags:\n  a: {}\n  "1": { prefix: "a: b", module: "true" }\n',
  ],
  [
    "one member of one is replaced in its place",
    { kind: "set", path: ["dags", "x", "module"], value: "new" },
    'dags:\n  x: { directory: d, module: "old" } # why\n',
    "dags:\n  x: { directory: d, module: new } # why\n",
  ],
  [
    "or added",
    { kind: "set", path: ["dags", "x", "poll-seconds"], value: 30 },
    "dags:\n  x:\n    directory: d\n    module: m # why\n  y: {}\n",
    "dags:\n  x:\n    directory: d\n    module: m # why\n    poll-seconds: 30\n  y: {}\n",
  ],
  [
    "a mapping in lines is replaced by one in braces",
    { kind: "set", path: ["dags", "x", "source"], value: { repository: "a/b", ref: "main" } },
    "dags:\n  x:\n    source:\n      repository: old/b\n      ref: main\n    module: m\n",
    "dags:\n  x:\n    module: m\n    source: { repository: a/b, ref: main }\n",
  ],
  [
    "the last of a mapping takes the mapping along",
    drop,
    "name: a\n\ndags:\n  x: {}\n\nruns: {}\n",
    "name: a\n\nruns: {}\n",
  ],
  [
    "an environment stays, and is empty",
    { kind: "remove", path: ["environments", "staging", "dags", "x"] },
    "environments:\n  staging:\n    dags: { x: {} }\n",
    "environments:\n  staging:\n    dags: {}\n",
  ],
  [
    "one of several in lines goes with its comment",
    drop,
    "dags:\n  a: {}\n  # about x\n  x:\n    module: m\n    # inside\n  b: {}\n",
    "dags:\n  a: {}\n  b: {}\n",
  ],
  [
    "comments above the first stay: they may be about all",
    drop,
    "dags:\n  # all\n  x: {}\n  b: {}\n",
    "dags:\n  # all\n  b: {}\n",
  ],
  ["the first, the last and the middle of braces", drop, "dags: { x: {}, a: {} }\n", "dags: { a: {} }\n"],
  ["the last of braces", drop, "dags: { a: {}, x: {} }\n", "dags: { a: {} }\n"],
  [
    "a list in brackets",
    load,
    "services: { daemon: { locations: [a, b] } }\n",
    "services: { daemon: { locations: [a, b, x] } }\n",
  ],
  [
    "an empty list in brackets",
    load,
    "services:\n  daemon: { locations: [] }\n",
    "services:\n  daemon: { locations: [x] }\n",
  ],
  [
    "a list that is not there",
    load,
    "services:\n  daemon: { kind: daemon }\n",
    "services:\n  daemon: { kind: daemon, locations: [x] }\n",
  ],
  [
    "a list in lines",
    load,
    "services:\n  daemon:\n    locations:\n      - a # one\n      - b\n    kind: daemon\n",
    "services:\n  daemon:\n    locations:\n      - a # one\n      - b\n      - x\n    kind: daemon\n",
  ],
  [
    "a list of which another place is an alias: there, too",
    load,
    "services:\n  web: { locations: &all [a] }\n  daemon: { locations: *all }\n",
    "services:\n  web: { locations: &all [a, x] }\n  daemon: { locations: *all }\n",
  ],
  [
    "an item of a list in lines",
    unload,
    "services:\n  daemon:\n    locations:\n      - a\n      - x # why\n      - b\n",
    "services:\n  daemon:\n    locations:\n      - a\n      - b\n",
  ],
  [
    "an item of a list in brackets",
    unload,
    "services: { daemon: { locations: [x, b] } }\n",
    "services: { daemon: { locations: [b] } }\n",
  ],
  ["the only item", unload, "services: { daemon: { locations: [x] } }\n", "services: { daemon: { locations: [] } }\n"],
])("%s", (_, edit, before, after) => expect(editYaml(before, "f.yml", [edit])).toBe(after));

test.each<[string, Edit, string]>([
  ["an anchor that is used elsewhere", drop, "dags:\n  x: { files: &f [a] }\n  y: { files: *f }\n"],
  [
    "a value that another place has by its anchor",
    { kind: "set", path: ["dags", "x"], value: {} },
    "dags: { x: &x { a: b }, y: *x }\n",
  ],
  ["a text where a mapping should be", add, "dags: none\n"],
  ["what is not there", drop, "dags: { y: {} }\n"],
])("%s is left to whoever wrote it", (_, edit, text) => {
  let said = "";
  try {
    editYaml(text, "f.yml", [edit]);
  } catch (error) {
    said = messageOf(error);
  }
  expect(said).toContain("where: f.yml\nfix: Change it by hand. Nothing was written.");
});

const examples = readdirSync("examples").map((name) => `examples/${name}/dagster-stack.yml`);

test.each(examples)("what is added to %s and removed again leaves no trace", (path) => {
  const text = readFileSync(path, "utf8");
  const member: Edit = { kind: "set", path: ["images", "another"], value: { repository: "a", tags: ["b", "1"] } };
  const added = editYaml(text, path, [member]);
  expect(
    added
      .split("\n")
      .filter((line) => !text.includes(line))
      .join("\n"),
  ).toContain("another:");
  expect(editYaml(added, path, [{ kind: "remove", path: ["images", "another"] }])).toBe(text);
});
