import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { machinePython } from "./local-aws/backing/machine-python.ts";
import { installedPackages } from "./local-aws/backing/python-packages.ts";

/** AWS's own clients that we did not write: boto3 and the command line. */
export interface PythonTools {
  /** The interpreter. */
  readonly python: string;
  /** The `aws` command. */
  readonly aws: string;
  /** What both need in their environment to find their packages. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Installs boto3 and awscli as `fixtures/python/aws-clients.txt` pins them, unless the cache folder has them already. */
export async function pythonTools(): Promise<PythonTools> {
  const lockFile = fileURLToPath(new URL("fixtures/python/aws-clients.txt", import.meta.url));
  const python = await machinePython();
  const packages = await installedPackages(python, lockFile, { compile: true });
  return {
    python: python.executable,
    aws: join(packages, "bin", "aws"),
    environment: { PYTHONPATH: packages, PYTHONNOUSERSITE: "1" },
  };
}
