import { execFile } from "node:child_process";
import { createScriptedRuntime, type ScriptedRuntime } from "../../local-aws/runtimes/scripted.ts";
import { realClock } from "../../local-aws/clock.ts";
import { createLocalAws, type LocalAws } from "../../local-aws/local-aws.ts";
import { startServer, type RunningServer } from "../../local-aws/server.ts";
import type { PythonTools } from "../../python-tools.ts";

/** The bed behind HTTP, in real time, with AWS's own durations divided by fifty. */
export interface Served {
  readonly aws: LocalAws;
  readonly runtime: ScriptedRuntime;
  readonly server: RunningServer;
  close(): Promise<void>;
}

export async function serve(): Promise<Served> {
  const runtime = createScriptedRuntime({ clock: realClock });
  const aws = createLocalAws({ clock: realClock, runtime, speed: 50, region: "eu-central-1" });
  const server = await startServer(aws);
  return {
    aws,
    runtime,
    server,
    close: async () => {
      await server.close();
      await aws.close();
    },
  };
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a client against the bed: nothing of this machine's own AWS settings reaches it. */
export function runClient(
  tools: PythonTools,
  { server, aws }: Served,
  program: string,
  args: readonly string[],
): Promise<Ended> {
  const env = {
    ...tools.environment,
    PATH: "/usr/bin:/bin",
    HOME: "/nonexistent",
    AWS_ENDPOINT_URL: server.url,
    AWS_ACCESS_KEY_ID: "deployer",
    AWS_SECRET_ACCESS_KEY: "unused",
    AWS_DEFAULT_REGION: aws.region,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
  };
  return new Promise((resolve) => {
    execFile(program, [...args], { env, maxBuffer: 16_000_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}
