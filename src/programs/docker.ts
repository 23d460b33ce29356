import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../domain/errors.ts";

/**
 * Makes a folder of settings for `docker` that is like the one of this job, and is nobody else's: a password that is stored there is gone
 * with it, and the job's own stay as they are. Builders, contexts and plugins are those of the job.
 * @param registries hosts whose passwords are to be kept in the folder itself, in no keyring that outlives it
 * @returns what `docker` needs in its environment to use it
 * @throws UserError when the job's own settings cannot be read
 */
export async function ownDockerConfig(
  folder: string,
  registries: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const { DOCKER_CONFIG, BUILDX_CONFIG } = process.env;
  const usual = DOCKER_CONFIG ?? join(homedir(), ".docker");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const settings = await readSettings(join(usual, "config.json"));
  const own = {
    ...settings,
    credHelpers: {
      ...asRecord(settings["credHelpers"]),
      ...Object.fromEntries(registries.map((host) => [host, ""])),
    },
    cliPluginsExtraDirs: [...asList(settings["cliPluginsExtraDirs"]), join(usual, "cli-plugins")],
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(own), { mode: 0o600 });
  // Where DOCKER_CONTEXT, or the settings' current one, is described. It may not be there: then neither is the link's end.
  await symlink(join(usual, "contexts"), join(folder, "contexts"));
  return { DOCKER_CONFIG: folder, BUILDX_CONFIG: BUILDX_CONFIG ?? join(usual, "buildx") };
}

/** What a program that is started gets under this name in its environment. Null when it gets nothing. */
export function variableOfJob(name: string): string | null {
  const value = process.env[name] ?? "";
  return value === "" ? null : value;
}

async function readSettings(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  try {
    return asRecord(JSON.parse(text));
  } catch (cause) {
    throw new UserError(
      { what: "The settings of docker are not JSON.", where: file, fix: "Mend the file, or remove it." },
      { cause },
    );
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
