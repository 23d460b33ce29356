// Installs what package-lock.json says, unless it is there already. Runs on any Node from 20 on, with nothing installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, "node_modules", ".bin", "node");
const marker = join(root, "node_modules", ".ready");

/** Makes the folder the working one, and gives the path of the Node that everything here runs on. */
export async function ready() {
  process.chdir(root);
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) stop(`Node ${process.versions.node} is too old: 20 or newer is needed.`);
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    stop(
      `This runs on Linux with glibc, on x86-64 (arm64 as far as it goes), not on ${process.platform} ${process.arch}.`,
    );
  }
  const lock = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  if (existsSync(node) && existsSync(marker) && readFileSync(marker, "utf8") === lock) return node;
  console.log("Installing the packages of package-lock.json (once) …");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) stop("npm ci failed: see above.");
  if (!existsSync(node))
    stop("npm installed no Node of its own: are optional dependencies switched off (`omit=optional`)?");
  writeFileSync(marker, lock);
  return node;
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
