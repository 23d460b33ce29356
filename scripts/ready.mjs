// Installs what package-lock.json says, unless it is there already. Runs on any Node from 20 on, with nothing installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, "node_modules", ".bin", "node");
const marker = join(root, "node_modules", ".ready");
/** Holds the id of the process that installs; beside node_modules, which npm removes. */
const lock = join(root, ".installing");

/**
 * Makes the folder the working one, and gives the path of the Node that everything here runs on.
 * @param {string | null} options the file with `help` in it, which is shown without installing anything
 */
export async function ready(options = null) {
  process.chdir(root);
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) stop(`Node ${process.versions.node} is too old: 20 or newer is needed.`);
  if (options !== null && process.argv.slice(2).includes("--help")) {
    const [, help = ""] = /^export const help = `([^`]*)`/m.exec(readFileSync(options, "utf8")) ?? [];
    console.log(help);
    process.exit(0);
  }
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    stop(
      `This runs on Linux with glibc, on x86-64 (arm64 as far as it goes), not on ${process.platform} ${process.arch}.`,
    );
  }
  const wanted = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  const isReady = () => existsSync(node) && existsSync(marker) && readFileSync(marker, "utf8") === wanted;
  if (isReady()) return node;
  await lockUp();
  try {
    if (isReady()) return node;
    console.log("Installing the packages of package-lock.json (once) …");
    // What an install that was cut off has left is what npm stumbles over.
    rmSync("node_modules", { recursive: true, force: true, maxRetries: 5 });
    const code = await install();
    if (code === 0 && existsSync(node)) {
      writeFileSync(marker, wanted);
      return node;
    }
    unlock();
    return stop(
      code === 0
        ? "npm installed no Node of its own: are optional dependencies switched off (`omit=optional`)?"
        : "npm ci failed: see above. When its words do not help: `rm -rf node_modules`, and run this again.",
    );
  } finally {
    unlock();
  }
}

/** Errors only: npm warns of packages that want a newer Node, which is among what it installs. */
function install() {
  const npm = spawn("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  // Should this process be killed, npm goes on, and is what others wait for.
  if (npm.pid !== undefined) writeFileSync(lock, String(npm.pid));
  return new Promise((resolve) => {
    npm.once("error", ({ message }) => {
      console.error(message);
      resolve(1);
    });
    npm.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Waits while another process installs here; goes on at once when it is over. */
async function lockUp() {
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = Number(readHolder());
    if (holder > 0 && !isAlive(holder) && readHolder() === String(holder)) unlock();
    else {
      if (!waited) console.log(`Another process (${holder}) installs the packages: waiting for it …`);
      await pause(200);
    }
  }
}

function readHolder() {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return "";
  }
}

function isAlive(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function unlock() {
  rmSync(lock, { force: true });
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
