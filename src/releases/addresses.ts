import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Connections } from "./connections.ts";
import { openStack, type StackLocation } from "./open.ts";
import { addressInside, webserversOf } from "./webserver.ts";

/** Where a webserver is reached. */
export interface WebserverAddress {
  readonly service: string;
  /** By people; null: nobody has said where. */
  readonly url: string | null;
  /** By tasks in the VPC. */
  readonly inside: string | null;
}

/**
 * Every webserver of a stack.
 * @throws UserError when there is none, or none has an address; AwsError
 */
export async function webserverAddresses(
  context: Context,
  connections: Connections,
  request: StackLocation,
): Promise<readonly WebserverAddress[]> {
  const { stack } = await openStack(context, connections, request);
  const found = webserversOf(stack).map((service) => ({
    service: service.key,
    url: service.url,
    inside: addressInside(service),
  }));
  if (found.some(({ url, inside }) => url !== null || inside !== null)) return found;
  throw unaddressed(request.file);
}

/** What to do about webservers of which nobody knows where they are. @param file the stack file */
export function unaddressed(file: string): UserError {
  return new UserError({
    what: "No webserver of the stack has an address: no gate can ask it.",
    where: file,
    fix: "Name it in the contract: `services: { webserver: { url: https://… } }`.",
  });
}

/** For people: an address a line, the one that they reach it by where there is one. */
export function wordsOfAddresses(found: readonly WebserverAddress[]): readonly string[] {
  return found.map(
    ({ service, url, inside }) => url ?? (inside === null ? `${service}: not known` : `${inside} (in the VPC only)`),
  );
}
