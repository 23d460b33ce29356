import { Refusal } from "./bed.ts";

export interface PageRequest {
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

export interface Page<Element> {
  readonly elements: readonly Element[];
  readonly nextToken: string | undefined;
}

/**
 * One page of a list.
 * @param usual how many elements a page has when nothing is asked
 * @param most how many may be asked for
 */
export function pageOf<Element>(
  all: readonly Element[],
  { maxResults, nextToken }: PageRequest,
  usual: number,
  most: number,
): Page<Element> {
  if (maxResults !== undefined && (maxResults < 1 || maxResults > most)) {
    throw new Refusal("InvalidParameterException", `maxResults must be between 1 and ${most}.`);
  }
  const start = nextToken === undefined ? 0 : readToken(nextToken);
  const end = start + (maxResults ?? usual);
  return { elements: all.slice(start, end), nextToken: end < all.length ? writeToken(end) : undefined };
}

/** Refuses a request that names too many things at once. */
export function atMost(limit: number, names: readonly unknown[], what: string): void {
  if (names.length > limit) {
    throw new Refusal("InvalidParameterException", `${what} cannot have more than ${limit} elements`);
  }
}

function writeToken(index: number): string {
  return Buffer.from(`from ${index}`).toString("base64");
}

function readToken(token: string): number {
  const [, index] = /^from (\d+)$/.exec(Buffer.from(token, "base64").toString()) ?? [];
  if (index === undefined) throw new Refusal("InvalidParameterException", "Invalid token.");
  return Number(index);
}
