import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that tests need, and the Debian package that brings it. */
const programs = [
  { program: "docker-registry", package: "docker-registry", for: "tests of images on a strict registry" },
  { program: "skopeo", package: "skopeo", for: "images read back by a program that we did not write" },
  { program: "docker", package: "docker.io", for: "tests of images from a Dockerfile" },
  { program: "dockerd", package: "docker.io", for: "images in an engine, and tasks as its containers" },
  { program: "runc", package: "runc", for: "tests of images from a Dockerfile" },
  { program: "debootstrap", package: "debootstrap", for: "the base of the images of docker/" },
  { program: "shellcheck", package: "shellcheck", for: "the script that starts nginx" },
  { program: "setpriv", package: "util-linux", for: "tasks that die with the bed" },
  { program: "git", package: "git", for: "every test with a checkout" },
] as const;

/** Installs what is missing, where that is possible. @returns what stays missing, for people */
export async function setUp(): Promise<readonly string[]> {
  const absent = programs.filter(({ program }) => !isThere(program));
  if (absent.length > 0) install(absent.map((one) => one.package));
  return absent
    .filter(({ program }) => !isThere(program))
    .map((one) => `${one.for}: ${one.program} is missing (Debian package ${one.package})`);
}

function install(packages: readonly string[]): void {
  const root = process.getuid?.() === 0;
  if (!isThere("apt-get") || (!root && !isThere("sudo"))) return;
  const apt = (...args: readonly string[]): number | null => {
    const command = root ? ["apt-get", ...args] : ["sudo", "--non-interactive", "apt-get", ...args];
    const [program = "", ...rest] = command;
    // The daemon that a package brings is not wanted: tests start their own.
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    return spawnSync(program, rest, { stdio: ["ignore", "ignore", "inherit"], env: environment }).status;
  };
  console.log(`Installing ${packages.join(", ")} …`);
  if (apt("install", "--yes", "--no-install-recommends", ...packages) === 0) return;
  apt("update");
  apt("install", "--yes", "--no-install-recommends", ...packages);
}

function isThere(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}
