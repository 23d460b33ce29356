import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openScene, type Scene } from "../../contract/dags/scene.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Dagster, openDagster, shopFiles, until } from "./dagster.ts";
import { freePort } from "../../loopback.ts";

/** The reader as the code server of a real Dagster, on what the product publishes. */
let bed: Bed;
let scene: Scene;
let dagster: Dagster;

beforeAll(async () => {
  bed = await startBed();
  scene = await openScene(bed);
});
afterAll(async () => {
  await dagster.close();
  await scene.close();
  await bed.close();
});

async function publish(name: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  await scene.write({ ...shopFiles(name), ...more });
  return (await scene.deploy()).version;
}

test("a new version is served without a break and without a word to the webserver, and a broken one never is", async () => {
  const port = await freePort();
  dagster = await openDagster({
    yaml: "",
    environment: {
      ...bed.environment("reader"),
      DAGSTER_S3_BUCKET: scene.store.name,
      DAGS: JSON.stringify({ shop: { prefix: scene.store.prefix, module: "shop" } }),
      DAGS_POLL_SECONDS: "0.5",
    },
  });
  const workspace = join(dagster.folder, "workspace.yaml");
  const target = `{ host: 127.0.0.1, port: ${port}, location_name: shop }`;
  await writeFile(workspace, `load_from: [{ grpc_server: ${target} }]\n`);
  const root = join(dagster.folder, "dags");
  const first = await publish("one");
  await dagster.start("code server", ["dag_reader", "serve", String(port)], {
    environment: { DAGS_ROOT: root },
    ready: async () => {
      await fetch(`http://127.0.0.1:${port}`).catch((error: unknown) => {
        const { cause } = error as { readonly cause?: { readonly code?: string } };
        if (cause?.code === "ECONNREFUSED") throw error;
      });
      return true;
    },
  });
  await dagster.start("webserver", ["dagster_webserver", "-w", workspace], {
    ready: async () => (await dagster.location()) !== null,
  });
  expect((await dagster.location())?.serverId).toMatch(new RegExp(`^${first}\\.`));

  const second = await publish("two");
  const seen: (string | undefined)[] = [];
  await until(
    async () => {
      const id = (await dagster.location())?.serverId;
      seen.push(id?.slice(0, second.length));
      return id ?? "";
    },
    (id) => id.startsWith(second),
  );
  // Never broken in between.
  expect(new Set(seen)).toEqual(new Set([first, second]));

  const broken = await publish("three", { "shop.py": "import nothing_of_that_name\n" });
  const ids: string[] = [];
  const served = async (): Promise<string> => {
    const id = (await dagster.location())?.serverId ?? "";
    ids.push(id);
    return id;
  };
  // Of one that was tried and not loaded.
  await until(
    async () => {
      await served();
      return readFile(join(root, "health.json"), "utf8");
    },
    (text) => text.includes(`${broken} is not served: it ended with 1`),
  );

  const mended = await publish("four");
  await until(served, (id) => id.startsWith(mended));
  expect(new Set(ids.map((id) => id.slice(0, broken.length)))).toEqual(new Set([second, mended]));
}, 300_000);
