import { type ChildProcess, execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "./cache-folder.ts";
import { goTool } from "./go-tools.ts";
import { findProgram, openProcesses } from "./local-aws/backing/processes.ts";
import { startServer } from "./local-aws/backing/server.ts";

/** A Docker engine. */
export interface Engine {
  /** Where it listens, as DOCKER_HOST has it. */
  readonly socket: string;
  /** Runs `docker`. @returns what it printed, without the last line's end. @throws Error with its words when it fails */
  docker(...args: readonly string[]): Promise<string>;
  /** The same, with more in its environment: `docker create --env=NAME` takes a value from there. */
  command(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<string>;
  /** Starts `docker`, with its output piped. */
  start(args: readonly string[]): ChildProcess;
  /** In the environment of what runs in it: that ends with the engine, then, however the engine ends. */
  readonly mark: Readonly<Record<string, string>>;
  /** Both streams of what it printed. */
  both(...args: readonly string[]): Promise<string>;
  /** Builds an image in the network of this machine, whose certificates it trusts. */
  build(tag: string, context: string, ...args: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Why none can be started here; null: one can. */
export function whyNoEngine(): string | null {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  if (process.getuid?.() !== 0) return "an engine of its own needs root";
  const missing = ["docker", "dockerd", "debootstrap", "go"].filter((program) => findProgram(program, path) === null);
  return missing.length === 0 ? null : `${missing.join(", ")} missing (Debian packages docker.io, debootstrap; Go)`;
}

/**
 * Starts an engine with nothing in it. It leaves the packet filter of this machine alone: containers reach this machine, and it reaches
 * them, and nothing else does.
 * @throws Error when it does not start
 */
export async function startEngine(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "engine-"));
  const processes = await openProcesses(folder);
  const socket = `unix://${join(folder, "docker.sock")}`;
  const settings = join(folder, "settings");
  await mkdir(join(settings, "cli-plugins"), { recursive: true });
  await symlink(await goTool("buildx"), join(settings, "cli-plugins", "docker-buildx"));
  const environment = {
    PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
    HOME: folder,
    DOCKER_HOST: socket,
    DOCKER_CONFIG: settings,
  };
  const program = findProgram("docker", environment.PATH) ?? "docker";
  // As options, which nothing of the environment replaces.
  const place = ["--host", socket, "--config", settings];
  const run = (
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly stdout: string; readonly stderr: string }> =>
    promisify(execFile)(program, [...place, ...args], {
      env: { ...environment, ...more },
      maxBuffer: 64 * 1024 * 1024,
    });
  const docker = async (...args: readonly string[]): Promise<string> => (await run(args)).stdout.trimEnd();
  const server = await startServer(processes, {
    name: "dockerd",
    // What it mounts is gone with it, however it ends.
    program: "/usr/bin/unshare",
    args: [
      ["--mount", "dockerd"],
      ["--host", socket],
      ["--data-root", join(folder, "data")],
      ["--exec-root", join(folder, "exec")],
      ["--pidfile", join(folder, "pid")],
      ["--bridge", "none"],
      ["--iptables=false"],
      // Without a bridge there is none that it could find by itself.
      ["--host-gateway-ip", "127.0.0.1"],
    ].flat(),
    folder,
    environment,
    ready: async () => (await docker("version")) !== "",
    stopSignal: "SIGTERM",
  });
  const pip = join(folder, "pip.conf");
  await writeFile(pip, "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n");
  return {
    socket,
    docker,
    command: async (args, more) => (await run(args, more)).stdout.trimEnd(),
    start: (args) => processes.start({ program, args: [...place, ...args], environment, folder }),
    mark: processes.mark,
    both: async (...args) => {
      const { stdout, stderr } = await run(args);
      return stdout + stderr;
    },
    build: async (tag, context, ...args) => {
      await docker(
        "buildx",
        "build",
        "--quiet",
        "--network=host",
        `--secret=id=pip,src=${pip}`,
        `--tag=${tag}`,
        ...args,
        context,
      );
    },
    close: async () => {
      const containers = (await docker("ps", "--all", "--quiet")).split("\n").filter((id) => id !== "");
      if (containers.length > 0) await docker("rm", "--force", "--volumes", ...containers);
      const networks = (await docker("network", "ls", "--quiet", "--filter=type=custom")).split("\n");
      await docker("network", "rm", ...networks.filter((id) => id !== "")).catch(() => undefined);
      await server.stop();
      await processes.close();
    },
  };
}

/** Debian with Python, which stands for the slim images of registries: those cannot be pulled everywhere. Made once, in a minute. */
export async function importDebian(engine: Engine, tag: string): Promise<void> {
  const folder = cacheFolder("debian");
  const archive = join(folder, "bookworm-python3.tar");
  if (!existsSync(archive)) {
    await mkdir(folder, { recursive: true });
    const own = await mkdtemp(join(folder, "build-"));
    try {
      const [root, tar] = [join(own, "root"), join(own, "tar")];
      const run = promisify(execFile);
      const path = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
      const packages = "--include=python3,python3-venv,ca-certificates";
      await run("debootstrap", ["--variant=minbase", packages, "bookworm", root], {
        env: path,
        maxBuffer: 64 * 1024 * 1024,
      });
      for (const left of ["var/lib/apt/lists", "var/cache/apt", "usr/share/doc", "usr/share/man", "usr/share/locale"])
        await rm(join(root, left), { recursive: true });
      await copyFile("/etc/ssl/certs/ca-certificates.crt", join(root, "etc/ssl/certs/ca-certificates.crt"));
      await run("tar", ["-C", root, "-cf", tar, "."]);
      await rename(tar, archive);
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  }
  await engine.docker("import", archive, tag);
}
