import type { Context } from "../../domain/context.ts";
import type { Sha } from "../../domain/identifiers.ts";
import type { Connections } from "../connections.ts";
import { locationsServedBy } from "../hosts.ts";
import { openSession, type SessionRequest } from "../session.ts";

/** A code location of the stack file. */
export interface LocationOfStack {
  /** Dagster's name for it. */
  readonly location: string;
  /** Keys of the services that load its code. */
  readonly services: readonly string[];
  /** Key of the image that it is in. */
  readonly image: string;
  /** `host:port` of its code server; null: hosts load it themselves, or their workspace file says it. */
  readonly address: string | null;
  /** Where its code comes from; null: it is not released yet. */
  readonly released: { readonly repository: string; readonly commit: Sha } | null;
}

/** Every location of a stack, by its name. Reads, and changes nothing. @throws UserError, AwsError */
export async function locations(
  context: Context,
  connections: Connections,
  request: SessionRequest,
): Promise<readonly LocationOfStack[]> {
  const { stack, currentRelease } = await openSession(context, connections, request);
  const services = Object.values(stack.services);
  const names = [...new Set(services.flatMap(locationsServedBy))].sort();
  return names.flatMap((location) => {
    const serving = services.filter((service) => locationsServedBy(service).includes(location));
    const [first] = serving;
    if (first === undefined) return [];
    const source = currentRelease?.images[first.image]?.source;
    return [
      {
        location,
        services: serving.map(({ key }) => key),
        image: first.image,
        address: first.kind === "code-location" && first.address !== null ? `${first.address}:${first.port}` : null,
        released: source === undefined ? null : { repository: source.repository, commit: source.sha },
      },
    ];
  });
}

/** For people: a line each. */
export function wordsOfLocations(all: readonly LocationOfStack[]): readonly string[] {
  return all.map(({ location, services, image, address, released }) => {
    const of =
      released === null ? "not released yet" : `commit ${released.commit.slice(0, 12)} of ${released.repository}`;
    return `${location}: ${of}, image ${image}, in ${services.join(", ")}${address === null ? "" : ` at ${address}`}`;
  });
}
