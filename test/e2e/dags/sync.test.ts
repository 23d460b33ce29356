import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newCheckout, type GitCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { runStep, type StepResult } from "../../runner/run-step.ts";
import { type Dagster, openDagster, shopFiles } from "./dagster.ts";
import { freePort } from "../../loopback.ts";

/** sync-dags as the step of a workflow, the reader, and a real Dagster: from a commit to what is loaded, and back. */
let bed: Bed;
let infrastructure: Infrastructure;
let dagster: Dagster;
let checkout: GitCheckout;
let runId = 900;

beforeAll(async () => {
  bed = await startBed();
  infrastructure = await playInfrastructure(bed, { stack: "shop", repositories: [], services: {} });
});
afterAll(() => bed.close());
afterEach(async () => {
  await dagster.close();
  await checkout.remove();
});

async function commit(name: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const [path, text] of Object.entries({ ...shopFiles(name), ...more }))
    await checkout.write(`dags/${path}`, text);
  checkout.commit(name);
}

function sync(prefix: string, inputs: Readonly<Record<string, string>> = {}): Promise<StepResult> {
  runId += 1;
  return runStep(
    { workspace: checkout.folder, repository: "owner/shop", runId, environment: bed.environment("dags") },
    {
      action: "actions/sync-dags",
      with: { location: "shop", bucket: infrastructure.contract.bucket.name, prefix, "github-token": "", ...inputs },
    },
  );
}

/** Opens a Dagster whose location `shop` is brought by a reader from this prefix, of which a first version is there. */
const ways: Readonly<Record<string, (prefix: string) => Promise<void>>> = {
  "a code server": async (prefix) => {
    dagster = await openDagster({ yaml: "", environment: reading(prefix) });
    const port = await freePort();
    const workspace = join(dagster.folder, "workspace.yaml");
    const target = `{ host: 127.0.0.1, port: ${port}, location_name: shop }`;
    await writeFile(workspace, `load_from: [{ grpc_server: ${target} }]\n`);
    await dagster.start("code server", ["dag_reader", "serve", String(port)], {
      environment: { DAGS_ROOT: join(dagster.folder, "dags") },
      ready: () => Promise.resolve(true),
    });
    await webserver(workspace);
  },
  "a webserver that loads the code itself": async (prefix) => {
    dagster = await openDagster({ yaml: "", environment: reading(prefix) });
    const workspace = join(dagster.folder, "workspace.yaml");
    const environment = {
      DAGS_ROOT: join(dagster.folder, "dags"),
      DAGS_WORKSPACE: workspace,
      DAGS_WEBSERVER: dagster.url,
    };
    await dagster.start("reader", ["dag_reader", "follow"], {
      environment,
      ready: () =>
        access(workspace).then(
          () => true,
          () => false,
        ),
    });
    await webserver(workspace);
  },
};

const reading = (prefix: string): Readonly<Record<string, string>> => ({
  ...bed.environment("reader"),
  DAGSTER_S3_BUCKET: infrastructure.contract.bucket.name,
  DAGS: JSON.stringify({ shop: { prefix, module: "shop" } }),
  DAGS_POLL_SECONDS: "0.5",
});

async function webserver(workspace: string): Promise<void> {
  await dagster.start("webserver", ["dagster_webserver", "-w", workspace], {
    ready: async () => (await dagster.location()) !== null,
  });
}

test.each(Object.keys(ways))(
  "a commit is loaded by %s, code that does not load is taken back, and `previous` goes back",
  async (way) => {
    const prefix = `dags/${way.replaceAll(" ", "-")}/`;
    checkout = await newCheckout({ "README.md": "" });
    await commit("one");
    const first = await sync(prefix);
    expect(first.outputs["outcome"]).toBe("switched");
    await ways[way]?.(prefix);
    const asked = { "webserver-url": dagster.url, timeout: "1" };
    expect((await sync(prefix, asked)).outputs["outcome"]).toBe("unchanged");

    await commit("two");
    const second = await sync(prefix, asked);
    expect(second.annotations).toEqual([]);
    expect(second.outputs).toMatchObject({ outcome: "served", "previous-version": first.outputs["version"] });

    await commit("three", { "shop.py": "import nothing_of_that_name\n" });
    const third = await sync(prefix, asked);
    expect(third.exitCode).toBe(1);
    expect(third.outputs["outcome"]).toBe("taken-back");
    expect(third.annotations.map(({ message }) => message).join("\n")).toContain("again, and it is loaded.");

    const back = await sync(prefix, { ...asked, to: "previous" });
    expect(back.outputs).toMatchObject({ outcome: "served", version: first.outputs["version"] });
  },
  400_000,
);
