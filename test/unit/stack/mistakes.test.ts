import fc from "../../properties.ts";
import { parseStackFile } from "../../../src/stack/index.ts";
import { StackFileError } from "../../../src/stack/problems.ts";
import { at, contract, fixture, mistakesIn, stackOf, withTop } from "./reading.ts";

function toldOf(text: string): readonly string[] {
  return mistakesIn(() => parseStackFile(text, "dagster-stack.yml")).map(
    (problem) => `${at(problem)} ${problem.what} ${problem.fix}`,
  );
}

const images = "images: { app: { repository: shop/app, build: { dockerfile: Dockerfile } } }\n";

/** Below three lines of top and one of images, the text begins on line 5. */
function told(text: string): readonly string[] {
  return toldOf(withTop(images + text));
}

describe("YAML that cannot be read", () => {
  test.each([
    ["a tab", "name: shop\n\tregion: eu\n", "2:1 A tab stands where YAML wants spaces. Indent with spaces."],
    [
      "an open bracket",
      "name: [shop\nregion: eu\n",
      "2:1 This line is not indented as its neighbours, or a bracket above is not closed. " +
        "Indent the keys of one mapping alike, and close every [ and {.",
    ],
    [
      "a placeholder without quotes inside braces",
      "volumes: { data: { efs: ${contract.efs} } }\n",
      '1:26 A placeholder stands inside { } or [ ] without quotes. Put it in quotes: "${contract.bucket.name}".',
    ],
    [
      "a text with a colon",
      "name: a: b\n",
      "1:7 A second `: ` on one line. Put a text that contains `: ` in quotes; write nested keys on lines of their own, or in { }.",
    ],
    ["a reserved letter", "name: @shop\n", '1:7 A text cannot begin with "@". Put the text in quotes.'],
    [
      "a tag",
      "name: !secret shop\n",
      "1:7 A tag (`!…`) that means nothing here. Remove the tag, or put the text in quotes.",
    ],
    [
      "a second document",
      "name: shop\n---\nname: shop\n",
      "2:1 A second document begins here (`---`). A stack file is one document: remove the line, and use `environments:` for what differs.",
    ],
    [
      "nothing",
      "# only a comment\n",
      "1:1 The file is empty. Write at least `name`, `region` and `contract`; docs/stack-file.md lists every key.",
    ],
    [
      "a list",
      "- name: shop\n",
      "1:1 The file must be a mapping: `name:`, `region:`, `contract:` and so on. Begin with `name: my-stack`.",
    ],
  ])("%s", (_name, text, expected) => expect(toldOf(text)).toEqual([expected]));

  test("what the parser quotes is not told: it could be a secret", () => {
    const [problem, ...others] = toldOf('name: "shop" hunter2secret\n');
    expect(others).toEqual([]);
    expect(problem).toMatch(/^1:14 This is not YAML: Unexpected scalar at node end\./);
    expect(problem).not.toContain("hunter2");
  });

  test("one slip is told once, not once for each thing the parser stumbles over", () => {
    expect(toldOf("a: { b: ${x}, c: ${y} }\n")).toHaveLength(1);
  });
});

describe("one line that is not indented as its neighbours", () => {
  const lines = withTop(`images:
  app:
    repository: shop/app
    layers: { base: b }
services:
  code:
    kind: code-location
    image: app
    location: shop
    module: m
  daemon:
    kind: daemon
    image: app
runs: { image: app }
`).split("\n");

  test.each<[line: number, shift: number]>([
    [10, 1],
    [10, -1],
    [10, 2],
    [11, 1],
    [11, -3],
    [12, -2],
    [13, 1],
    [9, 1],
    [14, 1],
    [2, 1],
    [6, -1],
  ])("is told by its number and no other is: line %d, shifted by %d", (number, shift) => {
    const line = lines[number - 1] ?? "";
    const indent = line.length - line.trimStart().length;
    const text = lines.with(number - 1, " ".repeat(indent + shift) + line.trimStart()).join("\n");
    const count = (spaces: number): string =>
      spaces === 0 ? "no space" : spaces === 1 ? "1 space" : `${spaces} spaces`;
    expect(toldOf(text)).toEqual([
      `${number}:${indent + shift + 1} This line is indented by ${count(indent + shift)}, unlike its neighbours. Indent it by ${count(indent)}.`,
    ]);
  });
});

test("a line that could belong to either of two levels is told with both", () => {
  const text = "name: shop\nimages:\n  app:\n    repository: a\n  old:\n    repository: b\n services: {}\n";
  expect(toldOf(text)).toEqual([
    "7:2 This line is indented by 1 space, unlike its neighbours. Indent it by 2 spaces or by no space.",
  ]);
});

describe("anchors", () => {
  test("an alias stands for the anchor's value", () => {
    const stack = stackOf(
      withTop(`${images}services:
  daemon: { kind: daemon, image: app, size: &small { cpu: 256, memory: 512 } }
  web: { kind: webserver, image: app, size: *small }
`),
      { contract: contract() },
    );
    expect(stack.services["web"]?.definition).toEqual(expect.objectContaining({ size: { cpu: 256, memory: 512 } }));
  });

  test.each([
    [
      "a merge key",
      "base: &base { kind: daemon }\nservices: { d: { <<: *base } }\n",
      "2:18 `<<` merges mappings in YAML 1.1; this file is YAML 1.2. Write the keys out, or give whole values an anchor (&small) and an alias (*small).",
    ],
    [
      "an alias of nothing",
      "services: *nothing\n",
      "1:11 There is no anchor &nothing above. Write the value out here.",
    ],
    ["an anchor inside itself", "services: &s { d: *s }\n", "1:19 &s contains itself. Write the value out here."],
  ])("%s is a mistake", (_name, text, expected) => expect(toldOf(text)).toContain(expected));

  test("aliases of aliases cannot make a file that never ends", () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const inside = Array.from({ length: 9 }, () => (level === 0 ? "x" : `*a${level - 1}`)).join(", ");
      return `a${level}: &a${level} [${inside}]`;
    });
    const problems = mistakesIn(() => parseStackFile(levels.join("\n"), "dagster-stack.yml"));
    expect(problems.map(({ what }) => what)).toContain(
      "With its aliases written out the file has more than 20000 values.",
    );
  });
});

describe("a key that does not exist", () => {
  test.each([
    ["gates: { canery: {} }", '5:10 There is no key "canery" in gates. Did you mean `canary`?'],
    ["service: {}", '5:1 There is no key "service" in the file. Did you mean `services`?'],
    ["environment-File: {}", '5:1 There is no key "environment-File" in the file. Did you mean `environment-file`?'],
    ["runs: { launchr: ecs }", '5:9 There is no key "launchr" in runs. Did you mean `launcher`?'],
    ["volumes: { v: { efs: fs-1, mode: x } }", '5:28 There is no key "mode" in volumes.v. Use one of `efs`.'],
    [
      "services: { d: { kind: daemon, image: app, mount: {} } }",
      '5:44 There is no key "mount" in services.d. Did you mean `mounts`?',
    ],
    [
      "services: { d: { kind: daemon, image: app, scaling: { min: 1, max: 2 } } }",
      '5:44 There is no key "scaling" in services.d. It belongs to `kind: webserver`: remove it here.',
    ],
    [
      "services: { d: { kind: daemon, image: app, port: 4000 } }",
      '5:44 There is no key "port" in services.d. It belongs to `kind: webserver` and `kind: code-location`: remove it here.',
    ],
    [
      "migrations: [{ name: m, tool: dagster, image: app, statement-timeout: 5 }]",
      "5:71 migrations[0].statement-timeout has no effect with the tool `dagster`. Remove it, or use the tool `alembic`.",
    ],
    [
      "migrations: [{ name: m, tool: command, image: app, command: [run], lock-timeout: 5 }]",
      "5:82 migrations[0].lock-timeout has no effect with the tool `command`. Remove it, or use the tool `alembic` or `dagster`.",
    ],
    [
      "migrations: [{ name: m, tool: dagster, image: app, preview: sql }]",
      "5:61 migrations[0].preview has no effect with the tool `dagster`. Remove it, or use the tool `alembic`.",
    ],
    [
      "migrations: [{ name: m, tool: dagster, image: app, check-models: true }]",
      "5:66 migrations[0].check-models has no effect with the tool `dagster`. Remove it, or use the tool `alembic`.",
    ],
    [
      "migrations: [{ name: m, tool: command, image: app }]",
      "5:31 migrations[0].tool `command` needs a `command`. Add the program and its arguments: `command: [python, -m, app.migrate]`.",
    ],
    [
      "runs: { launcher: in-process, size: { cpu: 256, memory: 512 } }",
      '5:31 There is no key "size" in runs. It belongs to `launcher: ecs`: remove it here.',
    ],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expected]));

  test("when it was meant for one that is missing, that one is not told as missing", () => {
    expect(told("services: { d: { kind: daemon, imag: app } }")).toEqual([
      '5:32 There is no key "imag" in services.d. Did you mean `image`?',
    ]);
  });

  test("written twice", () => {
    expect(told("gates: { reach: task, reach: runner }")).toEqual([
      '5:23 The key "reach" is written twice in one mapping. Keep one of the two: YAML would silently take one and drop the other.',
    ]);
  });

  test("a variable's name with a dash", () => {
    expect(told("environment: { LOG-LEVEL: info }")).toEqual([
      '5:16 The key "LOG-LEVEL" in environment must be a variable\'s name: letters, digits and underscores, no digit first. ' +
        "Rename it, here and wherever it is named.",
    ]);
  });
});

describe("a value of the wrong kind", () => {
  test.each([
    ["environment: { N: 0123 }", '5:19 environment.N must be text, and is a number. Put the value in quotes: "…".'],
    [
      "environment: { N: true }",
      '5:19 environment.N must be text, and is true or false. Put the value in quotes: "…".',
    ],
    ["environment: { N: }", "5:19 environment.N must be text, and is empty. Write a text after the colon."],
    [
      "gates: { every-webserver: yes }",
      "5:27 gates.every-webserver must be true or false, and is text. Write `true` or `false`, without quotes.",
    ],
    [
      "migrations: {}",
      "5:13 migrations must be a list, and is a mapping. Write a list: each entry on a line of its own, behind `- `.",
    ],
    [
      "services: { d: }",
      "5:16 services.d must be a mapping, and is empty. Write a mapping: its keys (`kind`, `image`, `task-definition`, `service`, `family`, …) on lines of their own below, indented.",
    ],
    [
      'services: { w: { kind: webserver, image: app, port: "3000" } }',
      "5:53 services.w.port must be a number, and is text. Write it without quotes: `port: 3000`.",
    ],
    [
      "services: { d: { kind: daemon, image: app, count: 2 } }",
      "5:51 services.d.count must be `1`, and is `2`. Write `1`, or remove the key. Always 1: two daemons would tick every schedule twice.",
    ],
    [
      "services: { w: { kind: webserver, image: app, count: 0 } }",
      "5:54 services.w.count must be at least 1. Write 1 or more.",
    ],
    [
      "services: { w: { kind: webserver, image: app, count: 1.5 } }",
      "5:54 services.w.count must be a whole number, and is a number. Write a whole number from 1, without quotes.",
    ],
    [
      "services: { w: { kind: webserver, image: app, url: ftp://x } }",
      "5:52 services.w.url must be an http:// or https:// address. Write it in that form. Where people reach it. The contract's wins. Asked by the gates when `gates.reach` is `runner`.",
    ],
    [
      "services: { w: { kind: webserver, image: app, port: web } }",
      "5:53 services.w.port must be a number, and is text. Write a whole number from 1 to 65535, without quotes.",
    ],
    [
      "gates: canary",
      "5:8 gates must be a mapping, and is text. `canary` is a key in it. Write `gates: { canary: … }`.",
    ],
    [
      "migrations: [{ name: my migration!, tool: alembic, image: app }]",
      "5:22 migrations[0].name must be letters, digits, dots, dashes and underscores, at most 100. " +
        "Write it as in `my-migration`. Its name in plans, records and summaries.",
    ],
    ["volumes: { data: { efs: '' } }", "5:25 volumes.data.efs must not be empty. Write a text, or remove the key."],
    [
      "secrets-from: [{ secret: shop/prod, keys: [] }]",
      "5:43 secrets-from[0].keys must not be empty. Write an entry, or remove the key.",
    ],
    [
      "secrets-from: [ssm:/shop]",
      "5:16 secrets-from[0] must be a path of parameters that ends in a slash: ssm:/path/. Write it as in `ssm:/path/`. Many at once: every parameter below `ssm:/path/`, under the last part of its name; or the named `keys` of one `secret`.",
    ],
    [
      "dags: { a: { directory: ../dags, module: m } }",
      "5:25 dags.a.directory must be a path inside the repository, from its root, without a leading slash and without .. in it. Write it in that form. Folder with the code, in this repository or in `source`.",
    ],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expected]));

  test("a secret that was written out is never told", () => {
    const problems = told("secrets: { PASSWORD: hunter2, TOKEN: 12345678, KEY: [hunter2] }");
    expect(problems).toHaveLength(3);
    expect(problems.join("\n")).not.toMatch(/hunter2|12345678/);
  });
});

describe("a word that is not one of ours", () => {
  test.each([
    [
      "services: { d: { kind: deamon, image: app } }",
      '5:24 services.d.kind must be one of `webserver`, `daemon`, `code-location`, and is "deamon". Did you mean `daemon`?',
    ],
    [
      "services: { d: { kind: scheduler, image: app } }",
      "5:24 services.d.kind must be one of `webserver`, `daemon`, `code-location`, and is text. Write one of them.",
    ],
    [
      "services: { d: { image: app } }",
      "5:13 services.d lacks `kind`. Add it. Write one of `webserver`, `daemon`, `code-location`.",
    ],
    [
      "gates: { expect: { schedules: as_before } }",
      '5:31 gates.expect.schedules must be `as-before` or a mapping, and is "as_before". Did you mean `as-before`?',
    ],
    [
      "gates: { expect: { sensors: { s: RUNING } } }",
      '5:34 gates.expect.sensors.s must be one of `RUNNING`, `STOPPED` or a mapping, and is "RUNING". Did you mean `RUNNING`?',
    ],
    [
      "gates: { expect: { sensors: { s: { status: RUNNING, within-minutes: 5 } } } }",
      "5:69 gates.expect.sensors.s.within-minutes is of a tick, and none is wanted. Add `tick: success`.",
    ],
    [
      "gates: { expect: { sensors: { s: { status: STOP } } } }",
      "5:44 gates.expect.sensors.s.status must be one of `RUNNING`, `STOPPED`, and is text. Write one of them.",
    ],
    [
      "migrations: [{ name: m, tool: alembik, image: app }]",
      '5:31 migrations[0].tool must be one of `dagster`, `alembic`, `command`, and is "alembik". Did you mean `alembic`?',
    ],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expected]));
});

describe("a name that nothing answers to", () => {
  test.each([
    [
      "services: { d: { kind: daemon, image: apq } }",
      '5:39 services.d.image names "apq", and there is no such image. Did you mean `app`?',
    ],
    ["runs: { image: runtime }", '5:16 runs.image names "runtime", and there is no such image. Use one of `app`.'],
    [
      "migrations: [{ name: m, tool: alembic, image: code }]",
      '5:47 migrations[0].image names "code", and there is no such image. Use one of `app`.',
    ],
    [
      "migrations: [{ name: m, tool: alembic, image: app, like-service: daemn }]\nservices: { daemon: { kind: daemon, image: app } }",
      '5:66 migrations[0].like-service names "daemn", and there is no such service. Did you mean `daemon`?',
    ],
    [
      "runs: { mounts: { data: /data } }",
      '5:19 runs.mounts names "data", and there is no such volume. The file has no volume at all: add it, or remove this.',
    ],
    [
      "services: { d: { kind: daemon, image: app, locations: [shop] } }\ndags: { shopp: { directory: dags, module: m } }",
      '6:9 dags names "shopp", and there is no such location. Did you mean `shop`?',
    ],
    [
      "services: { d: { kind: daemon, image: app, locations: [shop] } }\ngates: { canary: { location: Ship, job: j } }",
      '6:30 gates.canary.location names "Ship", and there is no such location. Did you mean `shop`?',
    ],
    [
      "services: { d: { kind: daemon, image: app, locations: [shop] } }\ngates: { expect: { assets: { Ship: [orders] } } }",
      '6:30 gates.expect.assets names "Ship", and there is no such location. Did you mean `shop`?',
    ],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expected]));

  test("in the contract: a service or a role of another name would be ignored without a word", () => {
    const text = `name: shop
region: eu-west-1
contract:
  cluster: main
  network: { like-service: web }
  bucket: { name: shop-bucket }
  roles: { execution: e, code-loction: c }
  services: { deamon: { service: shop-daemon } }
${images}services: { daemon: { kind: daemon, image: app } }
`;
    expect(toldOf(text)).toEqual([
      '7:26 contract.roles names "code-loction", and there is no such kind, service or location. Did you mean `code-location`?',
      '8:15 contract.services names "deamon", and there is no such service. Did you mean `daemon`?',
    ]);
  });

  test("a repository that only publishes DAGs has no services to name", () => {
    expect(told("dags: { shop: { directory: dags, module: defs } }")).toEqual([]);
  });

  test("a code location whose definition is a file of its own needs no module", () => {
    expect(
      told("services: { a: { kind: code-location, image: app, location: shop, address: a, task-definition: a.json } }"),
    ).toEqual([]);
  });
});

test("a check that does not exist is named, with the one that was meant", () => {
  expect(told("checks: { secret-in-enviroment: { level: error } }")).toEqual([
    '5:11 checks names "secret-in-enviroment", and there is no such check. Did you mean `secret-in-environment`?',
  ]);
});

describe("parts that contradict each other", () => {
  const daemon = "services: { d: { kind: daemon, image: app";
  test.each([
    "images: { x: { repository: x, build: { dockerfile: D }, layers: { base: b } } }",
    "images: { x: { repository: x } }",
  ])("%s", (text) => {
    expect(toldOf(withTop(text))).toEqual([
      "4:14 images.x needs one way of building: `build` or `layers`, and not both. Keep `build` for a Dockerfile, or `layers` for Python code on a base image.",
    ]);
  });

  test.each([
    [
      `${daemon}, task-definition: d.json, size: { cpu: 256, memory: 512 } } }`,
      "5:75 services.d.size has no effect beside `task-definition`: the definition decides it. Remove `size` here, and set it in the definition; or remove `task-definition`.",
    ],
    [
      `${daemon}, locations: [shop], moves-with: dagster } }`,
      "5:75 services.d.moves-with cannot be `dagster` for a process that loads locations itself: it would keep serving their old code. Remove `moves-with`, or give the locations a code server of their own.",
    ],
    [
      'gates: { auth: { basic: "secret:a", headers: { X-Token: "secret:b" } } }',
      "5:16 gates.auth needs one of `basic` and `headers`, and not both. Name the secret with user and password, or the headers that the login wants.",
    ],
    [
      'gates: { auth: { headers: { Transfer-ENCODING: "secret:b" } } }',
      '5:29 The key "Transfer-ENCODING" in gates.auth.headers must be a header\'s name: letters, digits and hyphens, and none that every request has. Rename it, here and wherever it is named.',
    ],
    [
      'gates: { auth: { headers: { X-Token: "secret:a", x-token: "secret:b" } } }',
      "5:59 gates.auth.headers.x-token is the header `X-Token` again: case does not tell names of headers apart. Keep one of the two.",
    ],
    [
      "gates: { auth: { headers: {} } }",
      "5:16 gates.auth needs one of `basic` and `headers`, and not both. Name the secret with user and password, or the headers that the login wants.",
    ],
    [
      `${daemon}, size: { cpu: 300, memory: 512 } } }`,
      "5:50 services.d.size is 300 CPU units, which Fargate does not offer. Use one of 256, 512, 1024, 2048, 4096, 8192, 16384.",
    ],
    [
      `${daemon}, size: { cpu: 256, memory: 1536 } } }`,
      "5:50 services.d.size is 1536 MiB, which Fargate does not offer with 256 CPU units. Use 2048, the next that it offers.",
    ],
    [
      `${daemon}, environment: { A: x }, secrets: { A: "ssm:/a" } } }`,
      "5:81 services.d.secrets.A is a secret here and plain text in `environment`: A. Keep one of the two.",
    ],
    [
      "environment: { A: x }\nsecrets-from: [{ secret: s, keys: [B, A] }]",
      "6:39 secrets-from[0].keys[1] is a secret here and plain text in `environment`: A. Keep one of the two.",
    ],
    [
      "services: { d: { kind: daemon, image: app }, e: { kind: daemon, image: app } }",
      "5:46 services.e is a second daemon. Keep one: two daemons tick every schedule twice.",
    ],
    [
      "services: { a: { kind: code-location, image: app, location: shop, module: m }, b: { kind: code-location, image: app, location: shop, module: m } }",
      '5:128 A second service serves the location "shop". Give each code server a location of its own: Dagster would take the two for one that keeps changing.',
    ],
    [
      "services: { a: { kind: code-location, image: app, location: shop, module: m }, d: { kind: daemon, image: app, locations: [shop] } }",
      '5:123 "shop" has a code server, and services.d loads it too. Keep one of the two: Dagster refuses two locations of one name.',
    ],
    [
      "services: { a: { kind: code-location, image: app, location: shop } }",
      "5:13 services.a lacks `module`. Add the Python module that holds the definitions.",
    ],
    [
      "services: { a: { kind: code-location, image: app, module: m } }",
      "5:13 services.a lacks `location`. Add it. Dagster's name for the location. Schedules, sensors and cursors are stored under it: a new name loses their state.",
    ],
    [
      "services: { a: { kind: code-location, image: app, location: shop, module: m } }\ndags: { shop: { directory: dags, module: other } }",
      "5:75 services.a.module and the module of its DAGs are not the same. Remove `module` here: with `dags` the code comes from there.",
    ],
    [
      "services: { w: { kind: webserver, image: app, scaling: { min: 3, max: 2 } } }",
      "5:63 services.w.scaling.min is above max. Swap them.",
    ],
    [
      "migrations: [{ name: m, tool: dagster, image: app }, { name: m, tool: alembic, image: app }]",
      '5:62 A second migration is called "m". Give each its own name: records tell them apart by it.',
    ],
    [
      "instance: { dagster-yaml: dagster.yaml, concurrency: { tag: t, limit: 1 } }",
      "5:41 `concurrency` goes into the dagster.yaml that we make, and `dagster-yaml` says that you bring your own. Remove it here, and set the limit in your dagster.yaml.",
    ],
    [
      `${daemon}, locations: [shop] } }\ngates: { canary: { location: shop, job: j, asset: a } }`,
      "6:18 gates.canary needs one of `job` and `asset`, and not both. Name a job that is quick and safe to run at each deploy, or an asset.",
    ],
    [
      "runs: { task-definition: live }",
      "5:26 runs.task-definition cannot be `live`: no service runs it. Name a file, or a family: `family:name`.",
    ],
    [
      "gates: { log-scan: off }",
      "5:20 gates.log-scan must be one of `error`, `warning`, `notice` or a mapping, and is text. Write a mapping: its keys (`level`, `reason`) on lines of their own below, indented.",
    ],
    ["gates: { log-scan: { level: off } }", "5:10 gates.log-scan lacks `reason`. Add it. Why."],
    [
      "checks: { secret-in-environment: { level: notice } }",
      "5:34 checks.secret-in-environment lowers a check, and needs `until` and `reason`. Say until which day, and why: { level: warning, until: 2026-12-31, reason: … }.",
    ],
    [
      "checks: { no-breaker: { level: warning, until: 2026-02-30, reason: r } }",
      "5:48 checks.no-breaker.until must be a date: 2026-12-31. Write it as in `2026-12-31`. Last day (UTC) of the exception; after it the check's own level is back. Needed unless the level is `error`.",
    ],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expected]));

  test.each([
    "../up.json",
    "/etc/task.json",
    "family:",
    "family:web:0",
    "arn:aws:ecs:eu-west-1:123456789012:task-definition/web",
  ])("no place of a task definition: %s", (from) =>
    expect(told(`runs: { task-definition: "${from}" }`)).toEqual([
      expect.stringContaining("5:26 runs.task-definition must be a path inside the repository, from its root"),
    ]),
  );
});

describe("two locations whose code lies under one prefix", () => {
  const two = (first: string, second: string): readonly string[] =>
    told(`dags:\n  one: { directory: a, module: a${first} }\n  two: { directory: b, module: b${second} }\n`);
  const fix =
    "Give each location prefixes of its own, none of which another one begins with: each would take, or overwrite, what is the other's.";

  test.each([
    ["the same", ", prefix: x/", ", prefix: x/", '7:43 The versions of "two" (x/) and the versions of "one" (x/)'],
    [
      "one in the other",
      ", prefix: x/y/",
      ", prefix: x/",
      '7:43 The versions of "two" (x/) and the versions of "one" (x/y/)',
    ],
    [
      "the default of the other",
      "",
      ", prefix: dags/one/",
      '7:43 The versions of "two" (dags/one/) and the versions of "one" (dags/one/)',
    ],
    [
      "plain files among the other's versions",
      "",
      ", layout: both, mirror-prefix: dags/one/plain/",
      '7:64 The plain files of "two" (dags/one/plain/) and the versions of "one" (dags/one/)',
    ],
    [
      "plain files among plain files",
      ", layout: mirror, mirror-prefix: plain/",
      ", layout: both, mirror-prefix: plain/two/",
      '7:64 The plain files of "two" (plain/two/) and the plain files of "one" (plain/)',
    ],
  ])("is refused with both names: %s", (_, first, second, problem) => {
    expect(two(first, second)).toEqual([`${problem} lie under one prefix. ${fix}`]);
  });

  test("is no mistake with prefixes that only begin with the same letters, nor plain files beside versions of the same location", () => {
    expect(two(", prefix: x/one/", ", prefix: x/one-more/, layout: mirror")).toEqual([]);
    expect(two(", layout: both, mirror-prefix: dags/one/plain/", ", mirror-prefix: dags/one/")).toEqual([]);
  });
});

describe("environments", () => {
  test("are judged laid over the top, each mistake at its place in the environment", () => {
    expect(
      told(`services: { d: { kind: daemon, image: app } }
environments:
  staging: { services: { d: { image: apq, cont: x }, e: { image: app } }, gate: {} }
`),
    ).toEqual([
      '7:38 services.d.image names "apq", and there is no such image. Did you mean `app`?',
      '7:43 There is no key "cont" in services.d. Did you mean `count`?',
      "7:54 services.e lacks `kind`. Add it. Write one of `webserver`, `daemon`, `code-location`.",
      '7:75 There is no key "gate" in environments.staging. Did you mean `gates`?',
    ]);
  });

  test("a host that loads locations in one of them only cannot have `moves-with: dagster` at the top", () => {
    const daemon = "services: { d: { kind: daemon, image: app, moves-with: dagster } }\n";
    expect(told(`${daemon}environments: { staging: { services: { d: { locations: [shop] } } } }`)).toEqual([
      expect.stringMatching(
        /^5:56 services\.d\.moves-with cannot be `dagster` for a process that loads locations itself/,
      ),
    ]);
  });

  test("a mistake at the top is told once, however many environments there are", () => {
    expect(told("gates: { rech: task }\nenvironments: { a: {}, b: {}, c: {} }")).toEqual([
      '5:10 There is no key "rech" in gates. Did you mean `reach`?',
    ]);
  });

  test.each([
    [
      "environments: { production: { tags: { a: b } } }",
      "5:17 `production` is the top of the file, and cannot stand in `environments` too. Move its values to the top.",
    ],
    [
      "environments: { staging: { name: other } }",
      "5:28 `name` is the same in every environment. Remove it here: it stands at the top of the file.",
    ],
    ["environments: { staging: [] }", "5:26 environments.staging must be a mapping, and is a list."],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expect.stringContaining(expected)]));

  test("one that does not exist is refused with the nearest that does", () => {
    const problems = mistakesIn(() => stackOf(fixture("deal-flow"), { environment: "stagin" }));
    expect(problems.map((problem) => `${at(problem)} ${problem.what} ${problem.fix}`)).toEqual([
      '66:1 There is no environment "stagin" in the stack file. Did you mean `staging`?',
    ]);
  });
});

describe("whatever is written", () => {
  const words = fc.constantFrom(
    "name",
    "services",
    "contract",
    ": ",
    "\n",
    "  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "${",
    "*a",
    "&a ",
    '"',
    "app",
    "1",
  );

  test("is read, or refused with places inside the file", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 40 }).map((some) => some.join("")),
        ),
        (text) => {
          const lines = text.split("\n").length;
          for (const { where } of mistakesIn(() => parseStackFile(text, "dagster-stack.yml"))) {
            expect(where.line).toBeGreaterThanOrEqual(1);
            expect(where.line).toBeLessThanOrEqual(lines + 1);
            expect(where.column).toBeGreaterThanOrEqual(1);
          }
        },
      ),
    );
  });

  test.each(["deal-flow", "dynamic-dags", "asset-manager", "data-platform"])(
    "into the file of %s, at any place, it is resolved or refused, and never a bug",
    (name) => {
      const text = fixture(name);
      fc.assert(
        fc.property(fc.nat(text.length), fc.nat(12), fc.oneof(words, fc.constant("")), (start, length, word) => {
          const changed = text.slice(0, start) + word + text.slice(start + length);
          const problems = mistakesIn(() =>
            stackOf(changed, { contract: contract({ efs: "fs-1" }), variables: { ENVIRONMENT: "prod" } }),
          );
          for (const { what, fix } of problems) expect(`${what}${fix}`).not.toMatch(/undefined|\[object|NaN/);
        }),
        { numRuns: 150 },
      );
    },
  );
});

describe("what placeholders stand for, when the environment is known", () => {
  const asked = { environment: "production", variables: { TEAM: "data" } };
  const toldFor = (text: string, environment = asked.environment): readonly string[] =>
    mistakesIn(() => parseStackFile(withTop(text), "dagster-stack.yml", { ...asked, environment })).map(
      (problem) => `${at(problem)} ${problem.what}`,
    );

  test("is told with everything else that is wrong, before anybody signs in", () => {
    const text = `environment: { A: "\${contract.buckt.name}", B: "\${env.NOPE}", C: "\${foo}" }\nservces: {}\n`;
    expect(toldFor(text)).toEqual([
      '4:19 ${contract.buckt.name} stands for nothing: contract has no "buckt".',
      "4:48 The environment variable NOPE is not set, or is empty.",
      "4:66 ${foo} is not a placeholder.",
      '5:1 There is no key "servces" in the file.',
    ]);
  });

  test("what only the contract can tell is left to it", () => {
    expect(
      toldFor(
        'environment: { A: "${contract.services.web.url}", B: "${contract.network.subnets.0}", C: "${account}" }',
      ),
    ).toEqual([]);
  });

  test("a contract that the file holds is looked into", () => {
    const text = `name: shop
region: eu-west-1
contract: { cluster: main, network: { like-service: web }, bucket: { name: shop-bucket } }
environment: { A: "\${contract.efs}", B: "\${contract.cluster}" }
`;
    const problems = mistakesIn(() => parseStackFile(text, "dagster-stack.yml", asked));
    expect(problems.map(({ what }) => what)).toEqual(['${contract.efs} stands for nothing: contract has no "efs".']);
  });

  test("a name that a variable gives is judged as if it were written", () => {
    const text = `${images}services: { d: { kind: daemon, image: "\${env.TEAM}" } }`;
    expect(toldFor(text)).toEqual(['5:39 services.d.image names "data", and there is no such image.']);
  });

  test("only the environment that is asked for is judged", () => {
    const text = 'environments: { staging: { environment: { A: "${env.NOPE}" } } }';
    expect(toldFor(text)).toEqual([]);
    expect(toldFor(text, "staging")).toEqual(["4:46 The environment variable NOPE is not set, or is empty."]);
    expect(toldFor("servces: {}\nenvironments: { staging: {} }", "stagin")).toEqual([
      '4:1 There is no key "servces" in the file.',
      '5:1 There is no environment "stagin" in the stack file.',
    ]);
  });
});

describe("the error", () => {
  test("tells one mistake in its own words", () => {
    try {
      parseStackFile(withTop("gate: {}"), "dagster-stack.yml");
    } catch (error) {
      if (!(error instanceof StackFileError)) throw error;
      expect(error.message).toBe(
        'There is no key "gate" in the file.\nwhere: dagster-stack.yml:4:1\nfix: Did you mean `gates`?',
      );
      return;
    }
    throw new Error("nothing was refused");
  });

  test("tells every mistake, in the order of the file", () => {
    const problems = told("servces: {}\nruns: { image: x }\ngates: { reach: tsk }");
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual(["5:1", "6:16", "7:17"]);
    expect(() => parseStackFile(withTop(`${images}servces: {}\nruns: { image: x }`), "stack.yml")).toThrow(
      [
        "stack.yml has 2 mistakes:",
        '  stack.yml:5:1 There is no key "servces" in the file. Did you mean `services`?',
        '  stack.yml:6:16 runs.image names "x", and there is no such image. Use one of `app`.',
        "where: stack.yml:5:1",
        "fix: Mend each of them at its place; nothing was read from the file.",
      ].join("\n"),
    );
  });

  test("quotes a name of the user's on one line, short, and never a secret", () => {
    const key = `${"x".repeat(70)}\\n::error::y`;
    const [problem = ""] = told(`"${key}": 1\n`);
    expect(problem).not.toContain("\n");
    expect(problem.length).toBeLessThan(700);
    expect(told('"postgres://user:hunter2@host/db": 1\n').join()).not.toContain("hunter2");
  });
});
