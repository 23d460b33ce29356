import { setTimeout as sleep } from "node:timers/promises";
import { applyImage, observeImage, openImages, planImage } from "../../../src/images/index.ts";
import { context, type Direct, folderFor, removeFolders, request } from "../../contract/images/fixtures.ts";
import { startMinistackRegistry, type TestRegistry } from "../../contract/images/registries.ts";
import { type Engine, importDebian, startEngine, whyNoEngine } from "../../engine.ts";

const why = whyNoEngine();
if (why !== null) process.stderr.write(`not run: an image of layers in an engine: ${why}\n`);
const describeLayers = why === null ? describe : describe.skip;

/** deal-flow of layers, on a base that an engine has pushed, pulled by that engine again. */
describeLayers("an image of layers, in an engine", () => {
  let engine: Engine;
  let registry: TestRegistry;
  let image: string;
  let digest: string;

  beforeAll(async () => {
    registry = await startMinistackRegistry();
    engine = await startEngine();
    const direct: Direct = await registry.letIn();
    const host = new URL(direct.url).host;
    for (const name of ["base", "app"]) await registry.createRepository(name);
    await importDebian(engine, `${host}/base:debian`);
    await engine.docker("push", "--quiet", `${host}/base:debian`);
    const told = {
      ...context(),
      clock: { now: () => Date.now(), sleep: (milliseconds: number) => sleep(milliseconds) },
    };
    const scratch = await folderFor("scratch");
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const observation = await observeImage(
      clients,
      told,
      request("examples/deal-flow", {
        base: "base:debian",
        requirements: "requirements.lock",
        user: "10001:10001",
        environment: { LEVEL: "info" },
      }),
      null,
    );
    const { part } = await applyImage(clients, told, observation, planImage(observation));
    digest = part.digest;
    image = `${host}/app@${digest}`;
    await engine.docker("pull", "--quiet", image);
  }, 1_800_000); // the first time, a base is made, and packages are fetched

  afterAll(async () => {
    await engine.close();
    await registry.close();
    await removeFolders();
  });

  // Without a home Dagster makes one in the working folder, which belongs to root.
  const run = (...command: readonly string[]): Promise<string> =>
    engine.both("run", "--rm", "--network=none", "--tmpfs=/tmp", "--env=DAGSTER_HOME=/tmp", image, ...command);

  test("has the digest that was pushed, and starts as it was asked for", async () => {
    expect(await engine.docker("inspect", "--format={{index .RepoDigests 0}}", image)).toBe(image);
    expect(await run("sh", "-c", "id -u; pwd; echo $LEVEL")).toBe("10001\n/app\ninfo\n");
  });

  test("loads its definitions, with the command that its packages bring", async () => {
    expect(await run("dagster", "definitions", "validate", "-m", "app.main")).toContain("Validation successful");
  });
});
