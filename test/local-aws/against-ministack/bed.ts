import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { ECS } from "@aws-sdk/client-ecs";
import { importDebian, startEngine } from "../../engine.ts";
import { openGround } from "../../unit/local-aws/stage.ts";
import { machinePython } from "../backing/machine-python.ts";
import { startMinistack } from "../backing/ministack.ts";
import { openProcesses } from "../backing/processes.ts";
import { createFakeClock } from "../fake-clock.ts";

/** An ECS with a cluster `main`, and images whose containers do what their tags say. */
export interface Bed {
  readonly name: string;
  readonly ecs: ECS;
  /** Looks every second of its time, or fraction of one. @throws when it is not so within the limit */
  until<Seen>(look: () => Promise<Seen>, met: (seen: Seen) => boolean, limitSeconds: number): Promise<Seen>;
  close(): Promise<void>;
}

/** What containers do: the command in a definition, which an engine runs, and the script of ours. */
export const commands = {
  "app:lives": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
  "app:lives-too": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
  "app:crashes": ["sh", "-c", "echo no database; exit 3"],
  "app:missing": ["sh"],
} as const;
export type Image = keyof typeof commands;

const region = "eu-central-1";
const account = "123456789012";

/** Ours, on a fake clock. */
export async function openOurs(): Promise<Bed> {
  const clock = createFakeClock();
  const { aws, ecs, runtime } = await openGround(clock);
  runtime.script("app:lives", { kind: "healthy" });
  runtime.script("app:lives-too", { kind: "healthy" });
  runtime.script("app:crashes", { kind: "exits", code: 3, afterSeconds: 1, log: [{ text: "no database" }] });
  runtime.script("app:missing", {
    kind: "never-starts",
    reason: "CannotPullContainerError: pull access denied for app, repository does not exist",
    afterSeconds: 5,
  });
  return {
    name: "ours",
    ecs,
    until: (look, met, limit) => until(look, met, limit, () => clock.pass(1000)),
    close: () => aws.close(),
  };
}

/** ministack, whose tasks are containers of an engine. */
export async function openMinistack(): Promise<Bed> {
  const engine = await startEngine();
  await importDebian(engine, "app:lives");
  for (const tag of ["app:lives-too", "app:crashes"]) await engine.docker("tag", "app:lives", tag);
  const folder = await mkdtemp(join(tmpdir(), "ministack-"));
  const processes = await openProcesses(folder);
  const python = await machinePython();
  const host = `${processes.block}.0.2`;
  const at = { processes, python, host, folder: join(folder, "ministack"), account, region };
  const ministack = await startMinistack({ ...at, engine: engine.socket });
  const endpoint = `http://${host}:${ministack.port}`;
  const settings = { endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  const ecs = new ECS(settings);
  await ecs.createCluster({ clusterName: "main" });
  await new CloudWatchLogsClient(settings).send(new CreateLogGroupCommand({ logGroupName: "/app" }));
  return {
    name: "ministack",
    ecs,
    until: (look, met, limit) => until(look, met, 4 * limit, () => new Promise((resolve) => setTimeout(resolve, 250))),
    close: async () => {
      await ministack.stop();
      await engine.close();
      await processes.close();
    },
  };
}

async function until<Seen>(
  look: () => Promise<Seen>,
  met: (seen: Seen) => boolean,
  times: number,
  pause: () => Promise<void>,
): Promise<Seen> {
  for (let time = 0; ; time += 1) {
    const seen = await look();
    if (met(seen)) return seen;
    if (time >= times) throw new Error(`it never was so: ${JSON.stringify(seen, null, 1)}`);
    await pause();
  }
}
