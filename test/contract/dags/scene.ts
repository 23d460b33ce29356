import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Bucket, bucket } from "../../../src/aws/bucket.ts";
import { objectWriter } from "../../../src/aws/objects.ts";
import type { Call } from "../../../src/aws/send.ts";
import { s3 } from "../../../src/aws/s3.ts";
import {
  type DagsObservation,
  type DagsPlan,
  type DagsRequest,
  observeDags,
  planDags,
  publishDags,
  switchDags,
} from "../../../src/dags/index.ts";
import type { Context } from "../../../src/domain/context.ts";
import { dagsKeys, dagsPointerSchema } from "../../../src/domain/dags.ts";
import type { Clients } from "../../../src/releases/connections.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import type { Bed } from "../../local-aws/bed.ts";

/** A checkout with a folder `dags`, and a bucket that its location is published to. */
export interface Scene {
  readonly root: string;
  readonly store: Bucket;
  readonly context: Context;
  /** What the product's ways to S3 are opened with. */
  readonly clients: Pick<Clients, "s3" | "objects">;
  readonly client: S3Client;
  /** Calls of S3 that the product has made. */
  readonly calls: string[];
  /** Writes files of the folder. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  look(more?: Partial<DagsRequest>): Promise<{ readonly seen: DagsObservation; readonly plan: DagsPlan }>;
  /** Publishes and switches, as far as it takes. */
  deploy(more?: Partial<DagsRequest>): Promise<DagsPlan>;
  /** The version that the pointer names. */
  served(): Promise<string | undefined>;
  keys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openScene(bed: Bed): Promise<Scene> {
  const root = await mkdtemp(join(tmpdir(), "dags-"));
  const name = `dags-${randomUUID()}`;
  const settings = { region: bed.region, credentials: { accessKeyId: "publisher", secretAccessKey: "secret" } };
  const client = new S3Client({ endpoint: bed.url, ...settings });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  process.env["AWS_ENDPOINT_URL"] = bed.url;
  const calls: string[] = [];
  const context: Context = {
    clock: { now: () => Date.now(), sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)) },
    signal: new AbortController().signal,
    report: () => undefined,
  };
  const observed = { ...settings, observe: ({ operation }: Call) => void calls.push(operation) };
  const clients = { s3: s3(context, observed), objects: () => objectWriter(context, observed) };
  const store = bucket(clients.s3, name, "dags/shop/");
  const look: Scene["look"] = async (more = {}) => {
    const seen = await observeDags(store, context, {
      location: "shop",
      root,
      directory: "dags",
      place: { file: "dagster-stack.yml", line: 3, column: 9 },
      lock: null,
      source: { repository: "shop/pipelines", sha: "a".repeat(40) as Sha },
      run: "https://github.com/shop/pipelines/actions/runs/1",
      ...more,
    });
    return { seen, plan: planDags(seen) };
  };
  return {
    root,
    store,
    context,
    clients,
    client,
    calls,
    write: async (files) => {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(root, "dags", path)), { recursive: true });
        await writeFile(join(root, "dags", path), content);
      }
    },
    look,
    deploy: async (more) => {
      const { seen, plan } = await look(more);
      if (plan.publishes) await publishDags(store, context, seen);
      if (plan.switches !== null) await switchDags(store, context, plan.switches);
      return plan;
    },
    served: async () => (await store.read(dagsKeys.pointer, dagsPointerSchema))?.value.version,
    keys: async () => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name }));
      return Contents.map(({ Key = "" }) => Key);
    },
    close: async () => {
      delete process.env["AWS_ENDPOINT_URL"];
      client.destroy();
      await rm(root, { recursive: true });
    },
  };
}
