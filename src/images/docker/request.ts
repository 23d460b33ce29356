import type { WantedImage } from "../request.ts";

/** An image that is wanted, and made from a Dockerfile by BuildKit. */
export interface DockerRequest extends WantedImage {
  readonly way: "docker";
  /** Folder that is sent to the build. */
  readonly context: string;
  readonly dockerfile: string;
  /** Null: the last stage. */
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  /** Of `RUN --mount=type=secret`, by their ids. */
  readonly secrets: Readonly<Record<string, BuildSecret>>;
  /** Where layers of former builds are kept. Null: nowhere. */
  readonly cache: BuildCache | null;
  /** More caches, as buildx has them: `type=gha`. */
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  /** Every instruction is run, whatever a cache has. */
  readonly noCache: boolean;
  readonly provenance: "off" | "min" | "max";
  /** Lock file that it installs, in the checkout; null, or left out: nobody says. */
  readonly lock?: string | null;
  /** Name of the builder; null: the one that is current. */
  readonly builder: string | null;
}

/** Where the value is. It goes into no key, no argument and no log. */
export type BuildSecret =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

/** `tag` of the image's own repository: one that may move. */
export interface BuildCache {
  readonly tag: string;
}
