import { inputsLabel, recordInputs } from "./compare.ts";
import type { Inputs } from "./content-key.ts";
import { type Addition, type Image, type NewImage, withLayer } from "./manifest.ts";
import { packagesFolder } from "./packages.ts";

/** Base and packages: what the code is laid upon. Its settings are the base's. */
export function dependenciesImage(base: Image, packages: Addition["layer"], labels: Addition["labels"] = {}): NewImage {
  return withLayer(base, {
    layer: packages,
    by: "dagster-ecs: packages of the lock file",
    environment: null,
    workdir: null,
    user: null,
    labels,
  });
}

/** The image itself: code on top, and how a container of it is started. */
export function codeImage(dependencies: Image, code: Addition["layer"], inputs: Inputs): NewImage {
  return withLayer(dependencies, {
    layer: code,
    by: "dagster-ecs: files of the checkout",
    environment: environmentOf(dependencies.config.config?.Env ?? [], inputs),
    workdir: inputs.workdir,
    user: inputs.user,
    labels: { [inputsLabel]: recordInputs(inputs) },
  });
}

/**
 * The variables of a container: the base's in their order, Python's way to code and packages, then what was asked for, which wins: before that way where it
 * is `PYTHONPATH`, and behind the packages' programs where it is `PATH`.
 * @param base `NAME=value`
 */
export function environmentOf(
  base: readonly string[],
  { workdir, environment, requirements }: Pick<Inputs, "workdir" | "environment" | "requirements">,
): readonly string[] {
  const variables = new Map(
    base.map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? ([line, ""] as const) : ([line.slice(0, at), line.slice(at + 1)] as const);
    }),
  );
  const hasPackages = requirements !== null;
  const before = (name: string, ...folders: readonly string[]): void => {
    const old = variables.get(name);
    variables.set(name, [...folders, ...(old === undefined || old === "" ? [] : [old])].join(":"));
  };
  before("PYTHONPATH", workdir, ...(hasPackages ? [packagesFolder] : []));
  if (hasPackages) {
    if (!variables.has("PATH")) variables.set("PATH", defaultPath);
    before("PATH", `${packagesFolder}/bin`);
  }
  for (const [name, value] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    variables.set(name, value);
    // In the place of what the base says, and not of what leads to code and packages.
    if (name === "PYTHONPATH")
      variables.set(name, [value, workdir, ...(hasPackages ? [packagesFolder] : [])].join(":"));
    if (name === "PATH" && hasPackages) before(name, `${packagesFolder}/bin`);
  }
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/** What engines give a container whose image says nothing. @see https://github.com/moby/moby `oci/defaults.go` */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
