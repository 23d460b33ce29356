import type { EcrSend } from "../aws/ecr.ts";
import type { Context } from "../domain/context.ts";
import { openEcr } from "./access.ts";
import type { Registry } from "./registry.ts";

/** What images are read and made with; one for all images of a job. */
export interface ImageClients {
  readonly ecr: EcrSend;
  /** The account's own. */
  readonly registry: Registry;
  /** A folder for what is too large for memory. Whatever is put there is removed again. */
  readonly scratch: string;
}

/** Fetches the registry's address and a token. @throws AwsError */
export async function openImages(context: Context, ecr: EcrSend, scratch: string): Promise<ImageClients> {
  return { ecr, registry: await openEcr(context, ecr), scratch };
}
