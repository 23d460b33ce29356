import type { EcrSend } from "../aws/ecr.ts";
import type { Context } from "../domain/context.ts";
import { openEcr } from "./access.ts";
import type { Image, StoredManifest } from "./manifest.ts";
import type { Registry } from "./registry.ts";

/** What images are read and made with; one for all images of a job. */
export interface ImageClients {
  readonly ecr: EcrSend;
  /** The account's own. */
  readonly registry: Registry;
  /** A folder for what is too large for memory. Whatever is put there is removed again. */
  readonly scratch: string;
  /** A folder that outlives the job, for what would be made again from the same. */
  readonly kept: string;
  /** Base and packages that are being put together now, by repository and key: of two images that stand on the same, one makes it. */
  readonly making: Map<string, Promise<Image>>;
  /** Bases that are built of a Dockerfile, by content key. */
  readonly bases: Map<string, Promise<{ readonly stored: StoredManifest; readonly repository: string }>>;
  /** Packages for commands of `prepare` that are being installed, by what decides which they are. */
  readonly prepared: Map<string, Promise<string | null>>;
}

/** Where on this machine they are made. */
export type Folders = Pick<ImageClients, "scratch" | "kept">;

/** What several images need is made by the one that comes first. When that fails, whoever comes next tries again. */
export async function once<T>(begun: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const made = begun.get(name) ?? make();
  begun.set(name, made);
  made.catch(() => begun.delete(name));
  return made;
}

/** Fetches the registry's address and a token. @throws AwsError */
export async function openImages(context: Context, ecr: EcrSend, { scratch, kept }: Folders): Promise<ImageClients> {
  const begun = { making: new Map(), bases: new Map(), prepared: new Map() };
  return { ecr, registry: await openEcr(context, ecr), scratch, kept, ...begun };
}
