import type { Json } from "../../../../src/domain/json.ts";
import type { Plan, Step } from "../../../../src/domain/plan.ts";
import type { Observation } from "../../../../src/releases/observation.ts";
import { explainPrice, wordsOfPrice } from "../../../../src/releases/price/explain.ts";
import { priceOf, type StackPrice } from "../../../../src/releases/price/price.ts";
import { type RegionPrices, regionPricesSchema } from "../../../../src/releases/price/prices.ts";
import { priceTable } from "../../../../src/releases/price/table.ts";
import type { Stack } from "../../../../src/stack/index.ts";
import { dealFlow, serviceOf } from "../world.ts";

const stack = dealFlow();
type Service = NonNullable<Observation["services"][string]>;

/** Services of one size, each with its count and what it is like. */
interface Scene {
  readonly region?: string;
  readonly content?: Json;
  readonly services: Readonly<Record<string, { readonly count?: number; readonly like?: Partial<Service> }>>;
  readonly steps?: readonly Step[];
  readonly own?: RegionPrices;
  readonly change?: Partial<Stack>;
}

const x86 = { cpu: "512", memory: "2048" };
const arm = { ...x86, runtimePlatform: { cpuArchitecture: "ARM64" } };
const three = { code: {}, daemon: {}, webserver: {} };

function price({
  region = "us-east-1",
  content = x86,
  services,
  steps = [],
  own = {},
  change = {},
}: Scene): StackPrice {
  const all = Object.entries(services);
  const observation: Pick<Observation, "services" | "definitions"> = {
    services: Object.fromEntries(
      all.map(([key, { count = 1, like = {} }]) => [
        key,
        {
          ...serviceOf(key, { family: key, revision: 1 }, count),
          launchType: "FARGATE",
          capacityProviders: [],
          ...like,
        },
      ]),
    ),
    definitions: Object.fromEntries(all.map(([key]) => [`service/${key}`, definition(key, 1, content)])),
  };
  return priceOf({ ...stack, region, ...change }, { steps }, observation, priceTable, own);
}

function definition(family: string, revision: number, content: Json): Observation["definitions"][string] {
  const running = {
    revision: { family, revision },
    arn: "",
    active: true,
    contentHash: null,
    madeFor: null,
    content: content as { readonly [key: string]: Json },
  };
  return { running, former: null, released: null, newest: running };
}

const register = (service: string, content: Json): Step =>
  ({
    id: `register/service/${service}`,
    kind: "register",
    definition: `service/${service}`,
    content,
  }) as unknown as Step;
const roll = (service: string, to: unknown, count: number | null = null): Plan["steps"][number] =>
  ({ id: `roll/${service}`, kind: "roll", service, to, count }) as unknown as Step;

test.each<[string, Scene, number]>([
  ["3 × 0.5 vCPU, 2 GB, x86 in us-east-1", { services: three }, 63.78],
  ["the same on ARM", { services: three, content: arm }, 51.06],
  [
    "2 × 0.25 vCPU, 0.5 GB, ARM in ap-southeast-2",
    {
      region: "ap-southeast-2",
      services: { daemon: {}, webserver: {} },
      content: { ...arm, cpu: "0.25 vCPU", memory: "0.5 GB" },
    },
    17.3,
  ],
])("%s cost what is known of them", (_, scene, total) => {
  const { before, after } = price(scene);
  expect([before, after]).toEqual([total, total]);
});

test("A definition that is registered is priced as it will be, and the rest as it is", () => {
  const bigger = price({ services: three, steps: [register("code", { cpu: "1024", memory: "4096" })] });
  expect(bigger).toMatchObject({ before: 63.78, after: 85.05 });
  expect(bigger.services.map(({ service, after }) => [service, after.size])).toEqual([
    ["code", "1 vCPU, 4 GB, X86_64"],
    ["daemon", "0.5 vCPU, 2 GB, X86_64"],
    ["webserver", "0.5 vCPU, 2 GB, X86_64"],
  ]);
  expect(wordsOfPrice(bigger)).toBe("Services cost 85.05 USD a month (+21.27 USD)");
});

test("A revision that is there already is priced by what it says", () => {
  const scene = {
    services: { code: {} },
    steps: [roll("code", "arn:aws:ecs:us-east-1:123456789012:task-definition/code:1")],
  };
  expect(price(scene).after).toBe(21.26);
});

test.each<[string, readonly Step[], number]>([
  ["a first roll sets the count", [roll("code", "code:1", 2)], 42.53],
  ["a roll that leaves the count alone", [roll("code", "code:1")], 0],
  ["a stop", [{ id: "stop/code", kind: "stop", service: "code" } as unknown as Step], 0],
])("Tasks are counted as they will be: %s", (_, steps, after) => {
  expect(price({ services: { code: { count: 0 } }, steps })).toMatchObject({ before: 0, after });
});

describe("Spot", () => {
  const strategy = [
    { name: "FARGATE", base: 1, weight: 1 },
    { name: "FARGATE_SPOT", base: 0, weight: 3 },
  ];
  const services = { code: { count: 5, like: { launchType: null, capacityProviders: strategy } } };

  test("has no price of its own here, for it moves: nothing is guessed", () => {
    const found = price({ services });
    expect(found.services[0]?.after).toEqual({
      tasks: 5,
      size: "0.5 vCPU, 2 GB, X86_64",
      usd: null,
      why: "there is no price for X86_64-SPOT",
    });
    expect(wordsOfPrice(found)).toBe("What services cost is not known: there is no price for X86_64-SPOT");
  });

  test("is priced by prices that were given: two tasks on demand, three Spot", () => {
    const own = { "X86_64-SPOT": { vcpu: 0.01, gb: 0.001 } };
    const found = price({ services, own });
    expect(found.after).toBe(Math.round((2 * 21.2649 + 3 * 730 * 0.007) * 100) / 100);
    expect(found.own).toBe(true);
  });
});

test.each<[string, Partial<Service>, string]>([
  ["EC2", { launchType: "EC2" }, "it does not run on Fargate"],
  [
    "instances of its own",
    { launchType: null, capacityProviders: [{ name: "gpu", base: 0, weight: 1 }] },
    "it does not run on Fargate",
  ],
])("A service on %s is not priced, and named", (_, like, why) => {
  expect(price({ services: { code: { like } } }).services[0]?.after).toMatchObject({ usd: null, why });
});

test.each<[string, Json, string | null, number | null]>([
  [
    "Windows",
    { ...x86, runtimePlatform: { operatingSystemFamily: "WINDOWS_SERVER_2022_CORE" } },
    "it is not Linux",
    null,
  ],
  ["storage of its own", { ...x86, ephemeralStorage: { sizeInGiB: 120 } }, null, 29.37],
  ["storage that costs nothing", { ...x86, ephemeralStorage: { sizeInGiB: 20 } }, null, 21.26],
])("A task with %s", (_, content, why, usd) => {
  expect(price({ services: { code: {} }, content }).services[0]?.after).toMatchObject({ why, usd });
});

test("Storage above what costs nothing is priced by the gigabyte", () => {
  const content = { ...x86, ephemeralStorage: { sizeInGiB: 120 } };
  expect(price({ services: { code: {} }, content, own: { "ephemeral-gb": 0.0001 } }).after).toBe(28.56);
});

test("Storage above what costs nothing, in a region without a price for it, is named", () => {
  const content = { ...x86, ephemeralStorage: { sizeInGiB: 120 } };
  expect(price({ services: { code: {} }, content, region: "ap-southeast-2" }).services[0]?.after).toMatchObject({
    usd: null,
    why: "there is no price for ephemeral-gb",
  });
});

test("A region that the table lacks is not guessed, and prices of the user's own fill it", () => {
  expect(price({ services: three, region: "eu-north-1" }).services.map(({ after }) => after.why)).toEqual(
    Array(3).fill("there is no price for X86_64"),
  );
  const own = { X86_64: { vcpu: 0.1, gb: 0.01 } };
  expect(price({ services: { code: {} }, region: "eu-north-1", own }).after).toBe(51.1);
});

describe("Around the services", () => {
  const network = { subnets: ["subnet-1"], securityGroups: ["sg-1"], publicAddress: false };
  const services = {
    code: { like: { network: { ...network, publicAddress: true } } },
    webserver: { count: 2, like: { network, targetGroups: ["arn:…"] } },
  };

  test("load balancer, addresses, ways out and database have list prices, as far as it is known what there is", () => {
    expect(price({ services }).around).toEqual([
      { what: "Load balancer", usd: 16.43, note: "its addresses and what it carries come on top" },
      { what: "Public addresses of tasks: 1", usd: 3.65, note: null },
      {
        what: "NAT gateways, or endpoints, of tasks without a public address",
        usd: null,
        note: "a gateway is 32.85 USD",
      },
      {
        what: "Database 10.0.0.5",
        usd: null,
        note: "db.t4g.micro is 11.68 USD, db.t4g.small is 23.36 USD, db.t4g.medium is 47.45 USD, db.t3.micro is 13.14 USD",
      },
    ]);
  });

  test("what has no list price in the region is named all the same", () => {
    expect(price({ services, region: "eu-north-1" }).around.map(({ usd, note }) => [usd, note])).toEqual([
      [null, "there is no price for load-balancer in eu-north-1"],
      [3.65, null],
      [null, "there is no price for nat-gateway in eu-north-1"],
      [null, "there is no price for database in eu-north-1"],
    ]);
  });

  test("nothing is named that a contract does not tell of, and no service has", () => {
    const { database: _database, ...contract } = stack.contract;
    expect(price({ services: { code: { like: { network: null } } }, change: { contract } }).around).toEqual([]);
  });
});

test("A webserver that is scaled is priced as it runs, and with as many tasks as it may have", () => {
  const { webserver } = stack.services;
  if (webserver?.kind !== "webserver") throw new Error("the example has a webserver");
  const scaled = { ...webserver, scaling: { min: 1, max: 4, cpu: 60, memory: null } };
  const { services } = price({ services: { webserver: {} }, change: { services: { webserver: scaled } } });
  expect(services[0]).toMatchObject({ after: { usd: 21.26 }, atMost: 85.06 });
});

test("It is told with the date of its prices, folded, and names what is in it", () => {
  const services = { code: {}, daemon: { like: { launchType: "EC2" } } };
  const text = explainPrice(price({ services, steps: [register("code", arm)] })).markdown;
  expect(text).toContain("<summary>Services cost 17.02 USD a month (−4.24 USD), without daemon</summary>");
  expect(text).toContain(`In us-east-1, list prices of ${priceTable.date}`);
  expect(text).toContain(
    "1 × 0.5 vCPU, 2 GB, X86\\_64: 21.26 USD | 1 × 0.5 vCPU, 2 GB, ARM64: 17.02 USD | −4.24 USD |",
  );
  expect(text).toContain("not priced, it does not run on Fargate");
});

test("Every region of the table has the form in which a user may give prices", () => {
  for (const prices of Object.values(priceTable.regions)) expect(regionPricesSchema.parse(prices)).toEqual(prices);
  expect(() => regionPricesSchema.parse({ arm64: { vcpu: 1, gb: 1 } })).toThrow();
});
