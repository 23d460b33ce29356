import * as z from "zod";
import type { TreeEntry } from "../files/archive.ts";
import type { Image } from "./manifest.ts";
import { packagesFolder } from "./packages.ts";

/** The label of an image's config that tells its biggest packages. */
export const sizesLabel = "dagster-ecs.packages";

const sizesSchema = z.array(z.tuple([z.string(), z.number()]));

/** What the label says: a pure function of the layer. @param owners the package of each file, by its path among the packages */
export function recordSizes(entries: readonly TreeEntry[], owners: ReadonlyMap<string, string>): string {
  const sizes = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== "file") continue;
    const path = sourceOf(entry.path.slice(packagesFolder.length));
    const owner = owners.get(path);
    if (owner !== undefined) sizes.set(owner, (sizes.get(owner) ?? 0) + entry.size);
  }
  const largest = [...sizes].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
  return JSON.stringify(largest.slice(0, recorded));
}

/** Byte code belongs to whom its source belongs. */
function sourceOf(path: string): string {
  return path.replace(/__pycache__\/([^/]+?)\.cpython-\d+(?:\.opt-\d)?\.pyc$/, "$1.py");
}

/**
 * How large an image is, for people: `142 MB: base 45.1 MB, packages 96.8 MB (duckdb 1.1.3 51.2 MB, …), code 31 kB`. Layers as they are
 * pulled, compressed; packages as they are on disk.
 * @param image made of layers by us: the last one is the code
 */
export function showSizes({ manifest, config }: Pick<Image, "manifest" | "config">): string {
  // A lock file of which nothing is wanted here has no layer.
  const hasPackages = config.config?.Labels?.[sizesLabel] !== undefined;
  const sizes = manifest.layers.map(({ size }) => size);
  const own = hasPackages ? 2 : 1;
  const sum = (some: readonly number[]): number => some.reduce((all, one) => all + one, 0);
  const packages = hasPackages ? [`packages ${showBytes(sizes.at(-2) ?? 0)}${showPackages(config)}`] : [];
  const parts = [`base ${showBytes(sum(sizes.slice(0, -own)))}`, ...packages, `code ${showBytes(sizes.at(-1) ?? 0)}`];
  return `${showBytes(sum(sizes))}: ${parts.join(", ")}`;
}

/** `45.1 MB` */
export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  const megabytes = bytes / 1_000_000;
  return `${megabytes < 100 ? megabytes.toFixed(1) : Math.round(megabytes)} MB`;
}

function showPackages({ config }: Image["config"]): string {
  const label = config?.Labels?.[sizesLabel];
  if (label === undefined) return "";
  const parsed = sizesSchema.safeParse(JSON.parse(label));
  if (!parsed.success || parsed.data.length === 0) return "";
  const shown = parsed.data.slice(0, named).map(([name, bytes]) => `${name} ${showBytes(bytes)}`);
  return ` (unpacked ${shown.join(", ")})`;
}

const recorded = 10;
const named = 3;
