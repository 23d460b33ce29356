import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { type CommandResult, type Desk, runCommand, runInTerminal } from "../../runner/run-command.ts";

let bed: Bed;
let infrastructure: Infrastructure;
let checkout: GitCheckout;
let desk: Desk;
let since: number;
let bucket: string;
let count = 0;

beforeAll(async () => {
  bed = await startBed();
  infrastructure = await playInfrastructure(bed, { stack: "shop", repositories: [], services: {} });
  bucket = infrastructure.contract.bucket.name;
});
afterAll(() => bed.close());
beforeEach(async () => {
  checkout = await newCheckout({ "dags/shop/jobs.py": "RETRIES = 3\n", "flows/main.py": "x = 1\n" });
  checkout.git("remote", "add", "origin", "git@github.com:owner/shop.git");
  desk = { folder: checkout.folder, environment: { ...bed.environment("dags"), AWS_REGION: bed.region } };
  count += 1;
  since = bed.calls.length;
});
afterEach(() => checkout.remove());

const sync = (...words: readonly string[]): Promise<CommandResult> => runCommand(desk, ["sync-dags", ...words]);
const name = (): string => `shop-${count}`;
const writes = (): readonly string[] =>
  bed.calls
    .slice(since)
    .flatMap(({ caller, operation }) => (caller === "dags" && !/^(Get|Head|List)/.test(operation) ? [operation] : []));

const schema = JSON.parse(readFileSync("schemas/command-line.schema.json", "utf8")) as {
  readonly properties: Readonly<Record<string, object>>;
};

function documentOf(kind: string, { output }: CommandResult): unknown {
  const document: unknown = JSON.parse(output);
  const validate = new Ajv2020({ strict: false }).compile(schema.properties[kind] ?? false);
  expect(validate(document) ? [] : validate.errors).toEqual([]);
  return document;
}

/** A stack file of a repository that only publishes. */
async function publishes(dags: string, services = ""): Promise<void> {
  const text = `name: shop\nregion: ${bed.region}\ncontract: ssm:/dagster/shop/contract\n${services}dags:\n${dags}`;
  await checkout.write("dagster-stack.yml", text);
  checkout.commit("Stack file");
}

describe("without a stack file", () => {
  test("a plan ends with 2 and writes nothing; then three writes publish it, and once more none", async () => {
    const planned = await sync(name(), "--bucket", bucket, "--dry-run");
    expect(planned).toMatchObject({ exitCode: 2, errors: "" });
    expect(planned.output).toMatch(
      /: nothing was written\n {2}from nothing to version [0-9a-f]{12}\n {2}\+ shop\/jobs\.py\n/,
    );
    expect(writes()).toEqual([]);
    const done = await sync(name(), "--bucket", bucket, "--json");
    expect(done.exitCode).toBe(0);
    const location = {
      location: name(),
      previousVersion: null,
      changed: true,
      outcome: "switched",
      removedVersions: [],
    };
    expect(documentOf("sync-dags", done)).toMatchObject({
      locations: [{ ...location, files: { added: ["shop/jobs.py"], changed: [], removed: [] } }],
    });
    expect(writes()).toHaveLength(3);
    const again = await sync(name(), "--bucket", bucket);
    expect(again).toMatchObject({ exitCode: 0, output: expect.stringContaining("served already") as unknown });
    expect(writes()).toHaveLength(3);
  });

  test("readers go back to what they had before", async () => {
    await sync(name(), "--bucket", bucket);
    await checkout.write("dags/shop/jobs.py", "RETRIES = 4\n");
    checkout.commit("Four");
    await sync(name(), "--bucket", bucket);
    since = bed.calls.length;
    const back = await sync(name(), "--bucket", bucket, "--to", "previous");
    expect(back).toMatchObject({ exitCode: 0, output: expect.stringContaining("! shop/jobs.py") as unknown });
    expect(writes()).toEqual(["PutObject"]);
  });

  test("a folder that differs from its commit is not published, unless it is said", async () => {
    await checkout.write("dags/shop/jobs.py", "RETRIES = 5\n");
    const result = await sync(name(), "--bucket", bucket);
    expect(result.exitCode).toBe(1);
    expect(result.errors).toContain("dags differs from the commit in dags/shop/jobs.py");
    expect(result.errors).toContain("where: command line: --directory");
    expect(result.errors).toContain("For a trial: `--allow-dirty`.");
    expect(writes()).toEqual([]);
    expect((await sync(name(), "--bucket", bucket, "--allow-dirty")).exitCode).toBe(0);
  });

  test("an older commit ends with 3", async () => {
    const older = checkout.git("rev-parse", "HEAD");
    await checkout.write("dags/shop/jobs.py", "RETRIES = 6\n");
    checkout.commit("Six");
    await sync(name(), "--bucket", bucket);
    checkout.git("checkout", "--quiet", older);
    const result = await sync(name(), "--bucket", bucket);
    expect(result.exitCode).toBe(3);
    expect(result.errors).toContain("publishing it would go back");
    expect(result.errors).toContain("`--allow-divergent` publishes it");
  });

  test.each([
    [[], "With `--bucket` one location is published, and none was named."],
    [["a", "b"], "and 2 were named."],
    [["a", "--layout", "plain"], "Option --layout is one of versions, mirror, both, not"],
    [
      ["a", "--layout", "mirror", "--to", "previous"],
      "where: command line: --to\nfix: Check the commit out and publish it with `--allow-divergent`; or `--layout=both`.",
    ],
    [["a", "--auth", "secret:login"], "Give its address as `--webserver-url`"],
    [["a", "--validate", "on"], "`--validate=on`"],
  ])("%j is refused before anything is called", async (words, why) => {
    const result = await sync(...words, "--bucket", bucket);
    expect(result).toMatchObject({ exitCode: 1, output: "" });
    expect(result.errors).toContain(why);
    expect(bed.calls.slice(since)).toEqual([]);
  });

  test("another account is not touched", async () => {
    const result = await sync(name(), "--bucket", bucket, "--allowed-account-ids", "999999999999");
    expect(result).toMatchObject({ exitCode: 1, errors: expect.stringContaining("may be touched") as unknown });
    expect(writes()).toEqual([]);
  });
});

describe("with the stack file of a repository that only publishes", () => {
  test("all its locations go to where the file says, or one that is named", async () => {
    const [first, second] = [`${name()}-a`, `${name()}-b`];
    await publishes(
      `  ${first}: { directory: dags, module: shop }\n  ${second}: { directory: flows, module: main, prefix: dags/${second}/x/ }\n`,
    );
    const one = await sync(second, "--json");
    expect(documentOf("sync-dags", one)).toMatchObject({ locations: [{ location: second, outcome: "switched" }] });
    const all = await sync("--json");
    expect(documentOf("sync-dags", all)).toMatchObject({
      locations: [
        { location: first, outcome: "switched" },
        { location: second, outcome: "unchanged" },
      ],
    });
    const keys = bed.calls
      .slice(since)
      .flatMap(({ operation, resource }) => (operation === "PutObject" ? [resource] : []));
    expect(keys.filter((key) => key.endsWith("current.json"))).toEqual([
      expect.stringContaining(`/dags/${second}/x/current.json`),
      expect.stringContaining(`/dags/${first}/current.json`),
    ]);
  });

  test("what the file says is not said by options", async () => {
    await publishes("  shop: { directory: dags, module: shop }\n");
    const result = await sync("--prefix", "dags/x/");
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.errors).toContain("`--prefix`: the stack file says that of a location, under `dags`.");
  });

  test("a location that another repository publishes, or nobody, is refused", async () => {
    await publishes("  shop: { directory: dags, module: shop, source: { repository: owner/other, ref: main } }\n");
    expect((await sync("shop")).errors).toContain("is published from owner/other, and this is owner/shop");
    expect((await sync("shpo")).errors).toContain("Did you mean `shop`?");
    expect((await sync()).errors).toContain("No location of the stack file is published by itself from owner/shop");
    expect(writes()).toEqual([]);
  });
});

test("a location that its stack releases is told how it is released", async () => {
  const services =
    "images: { app: { repository: shop, platform: linux/amd64, layers: { base: shop/base, files: [{ from: dags, to: /x }] } } }\n" +
    "services:\n  daemon: { kind: daemon, image: app, locations: [shop] }\n  webserver: { kind: webserver, image: app, locations: [shop] }\n";
  await publishes("  shop: { directory: dags, module: shop }\n", services);
  const result = await sync("shop");
  expect(result).toMatchObject({ exitCode: 1, output: "" });
  expect(result.errors).toContain("fix: `dagster-ecs deploy --only shop`");
  expect(writes()).toEqual([]);
});

test("in a terminal it tells what it does, and Ctrl-C while it waits ends it with 130", async () => {
  const words = ["sync-dags", name(), "--bucket", bucket];
  const cut = await runInTerminal(desk, [...words, "--webserver-url", "http://127.0.0.1:9"], {
    interruptAt: "readers are to have version",
  });
  expect(cut.exitCode).toBe(130);
  expect(cut.output).toContain("was not seen to the end; readers keep it");
  const again = await runInTerminal(desk, words);
  expect(again).toMatchObject({ exitCode: 0, output: expect.stringContaining("served already") as unknown });
});
