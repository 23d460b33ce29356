import { RolloutFailed } from "../../../src/domain/errors.ts";
import { checkEngine, openImages, testImage } from "../../../src/images/index.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { checkout, context, folderFor, removeFolders, type Told } from "../../contract/images/fixtures.ts";
import { startMinistackRegistry, type TestRegistry } from "../../contract/images/registries.ts";
import { errorOf } from "../../error-of.ts";
import { type Engine, importDebian, startEngine, whyNoEngine } from "../../engine.ts";

const why = whyNoEngine();
if (why !== null) process.stderr.write(`not run: tests in an image: ${why}\n`);
const describeTests = why === null ? describe : describe.skip;

/** The user's own tests, in a container of an image that stands in the registry. */
describeTests("tests in an image", () => {
  let engine: Engine;
  let registry: TestRegistry;
  let digest: Digest;
  let root: string;

  beforeAll(async () => {
    registry = await startMinistackRegistry();
    engine = await startEngine();
    const host = new URL((await registry.letIn()).url).host;
    await registry.createRepository("app");
    await importDebian(engine, `${host}/app:debian`);
    const pushed = await engine.docker("push", "--quiet", `${host}/app:debian`);
    expect(pushed).toContain(host);
    digest = (await engine.docker("inspect", "--format={{index .RepoDigests 0}}", `${host}/app:debian`)).split(
      "@",
    )[1] as Digest;
    process.env["DOCKER_HOST"] = engine.socket;
    process.env["OF_THE_JOB"] = "a secret";
    root = await checkout({ "tests/check.py": "import sys\nprint('checked')\nsys.exit(int(sys.argv[1]))\n" });
  }, 600_000);

  afterAll(async () => {
    delete process.env["DOCKER_HOST"];
    delete process.env["OF_THE_JOB"];
    await engine.close();
    await registry.close();
    await removeFolders();
  });

  async function run(command: string, platform = "linux/amd64"): Promise<Told> {
    const told = context();
    const scratch = await folderFor("scratch");
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    await testImage(clients, told, { image: "code", repository: "app", digest, platform, command, root });
    return told;
  }

  test("that are green let the release go on; the checkout is there", async () => {
    await checkEngine(root);
    const told = await run("python3 /checkout/tests/check.py 0");
    expect(told.words()).toContain("checked");
  }, 300_000);

  test("that are red stop it, with their last lines", async () => {
    const error = await errorOf(run("python3 /checkout/tests/check.py 3; echo not reached"));
    expect(error).toBeInstanceOf(RolloutFailed);
    expect((error as RolloutFailed).message).toContain(
      "The tests in image code are red: `test-command` ended with exit code 3",
    );
    expect((error as RolloutFailed).evidence).toMatchObject([{ kind: "log", text: { untrusted: "checked" } }]);
  }, 300_000);

  test("get nothing of the job, and change nothing of the checkout", async () => {
    const told = await run("env; touch /checkout/new && exit 1 || true");
    expect(told.words()).toContain("Read-only file system");
    expect(told.words()).not.toMatch(/OF_THE_JOB|a secret|AWS_/);
  }, 300_000);
});
