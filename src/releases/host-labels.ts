import { normalizedName } from "../images/lock.ts";
import type { ImagePlan } from "../images/plan.ts";
import { pathInImage } from "../stack/findings.ts";
import { madeDagsterYaml, madeWorkspace } from "../stack/instance-files.ts";
import type { InstanceFile, Service, Stack } from "../stack/stack.ts";

/** What the names of these labels begin with. */
export const hostLabelPrefix = "dagster-ecs.";

/**
 * What a process with `moves-with: dagster` takes of its image, as labels of its container: Dagster's packages, the base with its
 * Python, the working folder and the instance files. With the same labels another image would be the same process; so what runs
 * tells by itself whether it may stay. Empty for those that move with their image.
 */
export function hostLabels(
  stack: Stack,
  service: Service,
  image: ImagePlan | undefined,
): Readonly<Record<string, string>> {
  if (service.movesWith === "image" || image === undefined) return {};
  const { contentKey, made } = image;
  // Of one that was made elsewhere nothing is known but that it is another one.
  if (made === null) return { "dagster-ecs.image": contentKey };
  const { dagsterYaml, workspace } = stack.instance;
  const files = {
    "dagster-yaml": { file: dagsterYaml, ofOurs: madeDagsterYaml },
    workspace: { file: workspace, ofOurs: madeWorkspace },
  };
  return {
    "dagster-ecs.dagster": dagsterPackages(made),
    "dagster-ecs.base": [made.of.base, ...(made.of.python === null ? [] : [`python ${made.of.python}`])].join(" "),
    "dagster-ecs.workdir": made.of.workdir,
    ...Object.fromEntries(
      // What cannot be found in the image may be anything in it: then the process moves with all of it.
      Object.entries(files).map(([name, { file, ofOurs }]) => [
        `dagster-ecs.${name}`,
        contentOf(stack, service, file, ofOurs, made) ?? `image ${contentKey}`,
      ]),
    ),
  };
}

type Made = NonNullable<ImagePlan["made"]>;

/** Dagster and its libraries as the lock file pins them. */
function dagsterPackages({ of: inputs, lock }: Made): string {
  const packages = (lock?.requirements ?? []).flatMap(({ name, version }) =>
    /^dagster(-|$)/.test(normalizedName(name)) ? [{ name: normalizedName(name), version }] : [],
  );
  if (packages.length === 0) return "as in the base";
  // An address may hold a password: the whole lock file stands for it.
  if (packages.some(({ version }) => version === null)) return `lock ${inputs.requirements ?? ""}`;
  return [...new Set(packages.map(({ name, version }) => `${name} ${version ?? ""}`))].sort().join(", ");
}

/** Mode and hash of an instance file in the image; null when it is not known where it stands. */
function contentOf(
  { images }: Stack,
  { image }: Service,
  file: { readonly kind: string } | InstanceFile,
  ofOurs: string,
  { of: inputs }: Made,
): string | null {
  const building = images[image]?.building;
  if (building?.kind !== "layers") return null;
  const path = "path" in file ? pathInImage(building, file.path) : ofOurs;
  return path === null ? null : (inputs.files[path.replace(/^\/+/, "")] ?? null);
}
