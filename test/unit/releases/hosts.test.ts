import type { Finding } from "../../../src/domain/finding.ts";
import { checkHosts, runOf, usedRuns } from "../../../src/releases/hosts.ts";
import type { Stack } from "../../../src/stack/index.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";

const files = "images: { app: { repository: shop/app, layers: { base: b } } }\n";

function stack(daemon: string, web: string, more = ""): Stack {
  const services = `code: { kind: code-location, image: app, location: far, module: m, address: c }, daemon: { kind: daemon, image: app${daemon} }, web: { kind: webserver, image: app, url: http://web${web} }`;
  return stackOf(withTop(`${files}services: { ${services} }\n${more}`), { contract: contract() });
}

const both = ", locations: [shop, stock]";
const found = (...given: Parameters<typeof stack>): readonly Pick<Finding, "id" | "level" | "what">[] =>
  checkHosts(stack(...given));

describe("Runs of locations that the hosts load", () => {
  test("share the definition of the first: a process has one container context; a code server has its own", () => {
    const hosts = stack(both, both);
    expect(["shop", "stock", "far"].map((location) => runOf(hosts, location)?.key)).toEqual(["shop", "shop", "far"]);
    expect(
      usedRuns(hosts)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(["far", "shop"]);
  });

  test("have none when they are no tasks", () => {
    const hosts = stack(both, both, "runs: { launcher: in-process }\n");
    expect(runOf(hosts, "shop")).toBeNull();
    expect(usedRuns(hosts)).toEqual([]);
  });
});

describe("Webserver and daemon", () => {
  test("that load the same locations, or none, are as they should be", () => {
    expect(found(both, ", locations: [stock, shop]")).toEqual([]);
    expect(found("", "")).toEqual([]);
  });

  test.each([
    [", locations: [shop]", "", "web loads no location itself, and daemon shop."],
    ["", ", locations: [shop]", "daemon loads no location itself, and web shop."],
    [both, ", locations: [shop]", "web loads shop itself, and daemon shop, stock."],
  ])("that do not load the same locations are refused: %s and %s", (daemon, web, what) => {
    expect(found(daemon, web)).toEqual([
      expect.objectContaining({
        id: "host-locations-differ",
        level: "error",
        what: expect.stringContaining(what) as unknown,
      }),
    ]);
  });
});

test("Of a canary whose run is no task it is said what is not proved", () => {
  const canary = "runs: { launcher: in-process }\ngates: { canary: { location: shop, job: j } }\n";
  expect(found(both, both, canary)).toEqual([expect.objectContaining({ id: "canary-in-process", level: "notice" })]);
  expect(found(both, both, "gates: { canary: { location: shop, job: j } }\n")).toEqual([]);
});
