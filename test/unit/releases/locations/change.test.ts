import { readdirSync, readFileSync } from "node:fs";
import { messageOf } from "../../../../src/domain/errors.ts";
import {
  addLocation,
  type LocationUpdate,
  type NewLocation,
  removeLocation,
  updateLocation,
} from "../../../../src/releases/locations/change.ts";
import { lineDiff } from "../../../../src/releases/locations/diff.ts";

const file = "dagster-stack.yml";
const head = `# Ours.
name: shop
region: eu-central-1
contract: ssm:/dagster/shop/contract
images: { app: { repository: shop, platform: linux/amd64, build: { dockerfile: Dockerfile } } } # one

`;
const hosts = `${head}services:
  daemon: { kind: daemon, image: app, locations: &all [shop] } # it ticks
  webserver:
    kind: webserver
    image: app
    locations: *all

runs: { launcher: in-process } # for now
`;
const inS3 = `${hosts}
dags:
  # the first
  shop: { directory: dags, module: shop }
`;
const servers = `${head}services:
  code: { kind: code-location, image: app, location: shop, module: shop.main, address: code.shop }
  daemon: { kind: daemon, image: app }
  webserver: { kind: webserver, image: app }
environments:
  staging:
    region: eu-west-1 # elsewhere
`;

const dags = { directory: "reports", module: "reports.main" };
const loaded: NewLocation = { name: "reports", dags, server: null };
const served: NewLocation = {
  name: "reports",
  dags: null,
  server: { key: "reports", members: { image: "app", module: "reports.main", port: 4001 } },
};
const nothing: LocationUpdate = { name: "shop", environment: "production", dags: {}, server: {}, unset: [] };

const diffOf = ({ before, after }: { readonly before: string; readonly after: string }): readonly string[] =>
  lineDiff(before, after).filter((line) => /^[+-]/.test(line));

const refused = (work: () => unknown): string => {
  try {
    return `not refused: ${JSON.stringify(work())}`;
  } catch (error) {
    return messageOf(error);
  }
};

describe("adding", () => {
  test("puts it under dags, and once into a list that webserver and daemon share", () => {
    expect(diffOf(addLocation(inS3, file, loaded))).toEqual([
      "-   daemon: { kind: daemon, image: app, locations: &all [shop] } # it ticks",
      "+   daemon: { kind: daemon, image: app, locations: &all [shop, reports] } # it ticks",
      "+   reports: { directory: reports, module: reports.main }",
    ]);
  });

  test("makes dags where there is none, and lists of what loads it", () => {
    const none = `${head}services:\n  daemon: { kind: daemon, image: app }\n  webserver: { kind: webserver, image: app }\n`;
    expect(diffOf(addLocation(none, file, loaded))).toEqual([
      "-   daemon: { kind: daemon, image: app }",
      "-   webserver: { kind: webserver, image: app }",
      "+   daemon: { kind: daemon, image: app, locations: [reports] }",
      "+   webserver: { kind: webserver, image: app, locations: [reports] }",
      "+",
      "+ dags:",
      "+   reports: { directory: reports, module: reports.main }",
    ]);
  });

  test("puts it into the lists that environments have for themselves", () => {
    const staged = `${inS3}environments:\n  staging:\n    services: { daemon: { locations: [shop] }, webserver: { locations: [shop] } }\n`;
    expect(diffOf(addLocation(staged, file, loaded))).toContain(
      "+     services: { daemon: { locations: [shop, reports] }, webserver: { locations: [shop, reports] } }",
    );
  });

  test("gives it a code server of its own", () => {
    expect(diffOf(addLocation(servers, file, served))).toEqual([
      "+   reports: { kind: code-location, image: app, module: reports.main, port: 4001, location: reports }",
    ]);
  });

  test("is all there is to do in a repository that only publishes", () => {
    const only = "name: shop\nregion: eu-central-1\ncontract: ssm:/dagster/shop/contract\n";
    expect(addLocation(only, file, loaded).after).toBe(
      `${only}dags:\n  reports: { directory: reports, module: reports.main }\n`,
    );
  });

  test.each<[string, string, NewLocation, string]>([
    ["what is there", inS3, { ...loaded, name: "shop" }, "`dagster-ecs locations update shop` changes it"],
    ["what is served without dags", servers, { ...served, name: "shop" }, 'a location "shop" already'],
    ["a key that a service has", servers, { ...served, server: { key: "code", members: {} } }, "`--service <key>`"],
    [
      "an image that is none",
      servers,
      { ...served, server: { key: "r", members: { image: "ap", module: "m" } } },
      "Did you mean `app`?",
    ],
    [
      "a value that the schema refuses",
      inS3,
      { ...loaded, dags: { ...dags, layout: "plain" } },
      "Nothing was written, as the stack file would be refused then",
    ],
    [
      "a prefix of another location",
      inS3,
      { ...loaded, dags: { ...dags, prefix: "dags/shop/" } },
      "lie under one prefix",
    ],
    ["what nobody would load", servers, loaded, "Give `--image <key>`"],
    ["a file with mistakes", "name: shop\n", loaded, "region"],
  ])("refuses %s", (_, text, wanted, why) => expect(refused(() => addLocation(text, file, wanted))).toContain(why));
});

describe("updating", () => {
  test("sets members of dags and removes some, and nothing else", () => {
    const text = inS3.replace("module: shop }", "module: shop, fallback: image } # S3");
    const update = { ...nothing, dags: { "poll-seconds": 30 }, server: { module: "shop.new" }, unset: ["fallback"] };
    expect(diffOf(updateLocation(text, file, update))).toEqual([
      "-   shop: { directory: dags, module: shop, fallback: image } # S3",
      "+   shop: { directory: dags, module: shop.new, poll-seconds: 30 } # S3",
    ]);
  });

  test("sets members of a code server, its module among them", () => {
    const update = { ...nothing, server: { module: "shop.new", address: "new.shop" }, unset: [] };
    expect(diffOf(updateLocation(servers, file, update))).toEqual([
      "-   code: { kind: code-location, image: app, location: shop, module: shop.main, address: code.shop }",
      "+   code: { kind: code-location, image: app, location: shop, module: shop.new, address: new.shop }",
    ]);
  });

  test("of an environment writes what only that one has", () => {
    const update = { ...nothing, environment: "staging", server: { module: "shop.trial" } };
    expect(diffOf(updateLocation(servers, file, update))).toEqual(["+     services: { code: { module: shop.trial } }"]);
  });

  test("to what it is already changes nothing", () => {
    const { before, after } = updateLocation(inS3, file, { ...nothing, dags: { directory: "dags" } });
    expect(after).toBe(before);
  });

  test.each<[string, string, Partial<LocationUpdate>, string]>([
    ["what is not there", inS3, { name: "shpo", dags: { directory: "x" } }, "Did you mean `shop`?"],
    [
      "DAGs of code in an image",
      servers,
      { dags: { prefix: "x/" } },
      "The code of shop is in its image: it has no `prefix`",
    ],
    ["an address of what hosts load", inS3, { server: { address: "x" } }, "Webserver and daemon load shop themselves"],
    ["to remove what is not there", inS3, { unset: ["prefx"] }, 'shop has no "prefx" in the stack file'],
    ["to remove what is needed", inS3, { unset: ["module"] }, "Nothing was written"],
    [
      "an environment that is none",
      servers,
      { environment: "stagin", server: { module: "x" } },
      "Did you mean `staging`?",
    ],
  ])("refuses %s", (_, text, update, why) =>
    expect(refused(() => updateLocation(text, file, { ...nothing, ...update }))).toContain(why),
  );
});

describe("removing", () => {
  test("what was added leaves the file as it was", () => {
    for (const [text, wanted] of [
      [inS3, loaded],
      [servers, served],
    ] as const)
      expect(removeLocation(addLocation(text, file, wanted).after, file, "reports").after).toBe(text);
  });

  test("the last location from S3 takes dags along", () => {
    expect(diffOf(removeLocation(inS3, file, "shop"))).toEqual([
      "-   daemon: { kind: daemon, image: app, locations: &all [shop] } # it ticks",
      "+   daemon: { kind: daemon, image: app, locations: &all [] } # it ticks",
      "-",
      "- dags:",
      "-   # the first",
      "-   shop: { directory: dags, module: shop }",
    ]);
  });

  test("what a contract in the file names of its code server goes, too", () => {
    const contract =
      "contract:\n  version: 1\n  cluster: c\n  network: { subnets: [subnet-1], security-groups: [sg-1] }\n  bucket: { name: deploys }\n  services:\n    code: { service: shop-code } # ours\n    daemon: { service: shop-daemon }\n";
    const inFile = servers.replace(/^contract: .*\n/m, contract).replace(/^environments:[^]*/m, "");
    expect(diffOf(removeLocation(inFile, file, "shop"))).toEqual([
      "-     code: { service: shop-code } # ours",
      "-   code: { kind: code-location, image: app, location: shop, module: shop.main, address: code.shop }",
    ]);
  });

  test("what an environment says of it goes, too", () => {
    const staged = servers.replace("# elsewhere", "# elsewhere\n    services: { code: { port: 4001 } }");
    expect(diffOf(removeLocation(addLocation(staged, file, served).after, file, "shop"))).toContain(
      "-     services: { code: { port: 4001 } }",
    );
  });

  test.each<[string, string, string, string]>([
    ["what is not there", inS3, "report", "The stack file has no location"],
    [
      "what a gate names",
      `${inS3}gates: { canary: { location: shop, job: nightly } }\n`,
      "shop",
      "gates.canary.location names",
    ],
  ])("refuses %s", (_, text, name, why) => expect(refused(() => removeLocation(text, file, name))).toContain(why));
});

const examples = readdirSync("examples").map((name) => `examples/${name}/dagster-stack.yml`);

test.each(examples)("a location comes to %s and goes again, and leaves no trace", (path) => {
  const text = readFileSync(path, "utf8");
  const image = /^images:(?: #.*)?\n {2}(?:#.*\n {2})*([\w-]+):/m.exec(text)?.[1] ?? "";
  const wanted: NewLocation = { ...served, server: { key: "reports", members: { image, module: "r", address: "r" } } };
  const { after } = addLocation(text, path, wanted);
  expect(removeLocation(after, path, "reports").after).toBe(text);
});
