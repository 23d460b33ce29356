import type { LayersObservation } from "../../images/index.ts";
import type { CodeLocation, Stack } from "../../stack/stack.ts";

/** A location whose code is to be loaded, of an image of layers. */
export interface LoadRequest {
  readonly service: CodeLocation;
  /** Python module that holds the definitions. */
  readonly module: string;
  readonly image: LayersToLoad;
}

/** What is to be known of its image. */
export interface LayersToLoad extends Pick<LayersObservation, "way" | "lock"> {
  readonly request: Pick<
    LayersObservation["request"],
    "root" | "requirements" | "repository" | "workdir" | "environment" | "prepare"
  >;
  readonly inputs: Pick<LayersObservation["inputs"], "requirements" | "groups" | "localPackages">;
  readonly sources: Pick<LayersObservation["sources"], "entries" | "size">;
}

/** What is in the way of loading, and what to do. */
export interface NotLoadable {
  /** A sentence. */
  readonly why: string;
  readonly fix: string;
}

/**
 * Can the code of a location be loaded on this machine, with nothing else of the checkout run?
 * @param whyNotRun null: files of the checkout may be run here; else why not, as a sentence
 */
export function whatToLoad(
  location: string,
  { services, dags }: Pick<Stack, "services" | "dags">,
  images: Readonly<Record<string, LayersToLoad | { readonly way: "docker" }>>,
  whyNotRun: string | null,
): LoadRequest | NotLoadable {
  const not = (why: string): NotLoadable => ({ why, fix: byFile(location) });
  if (Object.hasOwn(dags, location))
    return not("Its code is a bundle of files in S3, and only its reader knows how they stand beside the image's.");
  const service = Object.values(services).find(
    (one): one is CodeLocation => one.kind === "code-location" && one.location === location,
  );
  if (service === undefined)
    return not("Webserver and daemon load it themselves, and their workspace file says how: that is not followed.");
  const { module, image: key } = service;
  if (module === null) return not("Its task definition has its own command: which module it loads is not known.");
  const image = images[key];
  if (image === undefined) return not("Its image is not made of this checkout.");
  if (image.way === "docker") return not("Its image is built from a Dockerfile: what is in it is not known before.");
  if (whyNotRun !== null) return not(whyNotRun);
  if (image.request.prepare.length > 0)
    return not("Its image has commands (`prepare`) that make some of its files: a plan does not run them.");
  const [local] = Object.keys(image.inputs.localPackages);
  if (local !== undefined)
    return not(`Its lock file names a package of the checkout, in ${local}: a plan does not build it.`);
  if (image.sources.size > largestTree)
    return not(`Its image copies ${image.sources.size} bytes, too many to lay out.`);
  return { service, module, image };
}

/** What helps whatever the reason. */
export function byFile(location: string): string {
  return `Let definitions/describe.py write it where the code runs, and name the file: \`definitions: ${location}=<path>\`.`;
}

/** Of an image's own files, in bytes: they are copied once more. */
const largestTree = 256 * 1024 * 1024;
