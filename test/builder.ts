import { execFile } from "node:child_process";
import { connect } from "node:net";
import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { goTool } from "./go-tools.ts";
import { findProgram, openProcesses } from "./local-aws/backing/processes.ts";
import { startServer } from "./local-aws/backing/server.ts";

/** A BuildKit of its own, with nothing in it, and a `docker` whose current builder it is. */
export interface Builder {
  /** What makes it the current one, in the environment of `docker`. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Why no builder can be started here; null: one can. */
export function whyNoBuilder(): string | null {
  const path = process.env["PATH"] ?? "";
  if (process.getuid?.() !== 0) return "a builder of its own needs root";
  const missing = ["docker", "runc", "go"].filter((program) => findProgram(program, path) === null);
  return missing.length === 0 ? null : `${missing.join(", ")} missing (Debian packages docker.io, runc; Go)`;
}

/**
 * Starts a BuildKit in the host's network, so that it reaches registries on loopback. No engine is needed for it, and none is touched.
 * @throws Error when it does not start
 */
export async function startBuilder(): Promise<Builder> {
  const folder = await mkdtemp(join(tmpdir(), "buildkit-"));
  const processes = await openProcesses(folder);
  const socket = join(folder, "buildkitd.sock");
  const [buildkitd, buildx] = [await goTool("buildkitd"), await goTool("buildx")];
  const server = await startServer(processes, {
    name: "buildkitd",
    program: buildkitd,
    args: [
      "--addr",
      `unix://${socket}`,
      "--root",
      join(folder, "state"),
      "--oci-worker-net",
      "host",
      "--oci-worker-binary",
      "runc",
      "--containerd-worker=false",
    ],
    folder,
    environment: { PATH: process.env["PATH"] ?? "", HOME: folder, TMPDIR: folder },
    ready: () => answers(socket),
    stopSignal: "SIGTERM",
  });
  const settings = join(folder, "docker");
  await mkdir(join(settings, "cli-plugins"), { recursive: true });
  await symlink(buildx, join(settings, "cli-plugins", "docker-buildx"));
  await writeFile(join(settings, "config.json"), "{}");
  const environment = { DOCKER_CONFIG: settings, BUILDX_BUILDER: "" };
  const args = ["buildx", "create", "--name", "test", "--driver", "remote", "--use", `unix://${socket}`];
  await promisify(execFile)("docker", args, { env: { ...process.env, ...environment } });
  return {
    environment,
    close: async () => {
      await server.stop(); // by itself, so that it takes back what it has mounted
      await processes.close();
    },
  };
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", reject);
  });
}
