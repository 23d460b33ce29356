import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Release } from "../domain/release.ts";
import { testImage } from "../images/index.ts";
import type { Stack } from "../stack/stack.ts";
import type { Connections } from "./connections.ts";
import { locationsServedBy } from "./hosts.ts";
import { openStack } from "./open.ts";
import type { SessionRequest } from "./session.ts";

/**
 * Runs somebody's own tests in each image of a release that location code is in, one after the other.
 * @throws RolloutFailed when one is red; UserError when there is no such image
 */
export async function testImages(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  { images }: Release,
  command: string,
): Promise<void> {
  const { stack, clients } = await openStack(context, connections, request);
  const tested = imagesWithCode(stack).flatMap((image) => {
    const part = images[image];
    return part === undefined ? [] : [{ image, ...part }];
  });
  if (tested.length === 0) {
    throw new UserError({
      what: "`test-command` has no image to run in: no image of this release has the code of a location in it.",
      where: stack.file,
      fix: "Leave the input empty.",
    });
  }
  const registry = await connections.images(context, clients, request);
  for (const { image, repository, digest, platform } of tested)
    await testImage(registry, context, { image, repository, digest, platform, command, root: request.root });
}

/** Keys of the images that services with code of locations have. */
export function imagesWithCode({ services }: Pick<Stack, "services">): readonly string[] {
  const serving = Object.values(services).filter((service) => locationsServedBy(service).length > 0);
  return [...new Set(serving.map(({ image }) => image))];
}
