/** A JSON object that holds a long list of objects. */
export interface ElementsAndRest {
  /** Objects of the list, in their order; null: the object has no such list. */
  readonly elements: readonly object[] | null;
  /** JSON in UTF-8: the object, with null for each element of this list that is an object or a list. What is not JSON is here as it came. */
  readonly rest: Uint8Array;
}

/**
 * Reads a JSON object while it arrives: each element of one list becomes a value as soon as it is whole, so that a long answer is never
 * in memory as bytes, as text and as values at once. Looks at bytes: in UTF-8 none of those that JSON is built of is part of another letter.
 * Whether the whole is JSON is told by the rest, which is so only if it is.
 * @param member the list's name, in ASCII; the answer must not write it with escapes
 * @throws SyntaxError when an element is not JSON; whatever the source of the pieces throws
 */
export async function readElements(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  member: string,
): Promise<ElementsAndRest> {
  const name = Buffer.from(member);
  let elements: object[] | null = null;
  const rest: Uint8Array[] = [];
  /** What the list holds beside its elements: copied, as part of a piece would keep the whole of it in memory. */
  let between: number[] = [];
  /** The beginning of an element of which the end has not come yet. */
  let begun: Uint8Array[] = [];
  let depth = 0;
  let [isList, isText, isEscaped] = [false, false, false];
  /** Letters of the name that the last text of the object itself begins with; -1: it is another one. */
  let named = -1;
  for await (const piece of pieces) {
    /** Where the element, or what belongs to the rest, begins in this piece; -1: between two elements. */
    let since = isList && depth === 2 ? -1 : 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] ?? 0;
      let isBetween = isList && depth === 2;
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) isText = false;
        if (depth === 1 && isText) named = named >= 0 && byte === name[named] ? named + 1 : -1;
      } else if (byte === quote) {
        isText = true;
        if (depth === 1) named = 0;
      } else if (byte === openBrace || byte === openBracket) {
        depth += 1;
        if (depth === 2 && byte === openBracket && named === name.length) {
          isList = true;
          elements = [];
          rest.push(piece.subarray(since, at + 1));
          since = -1;
        } else if (depth === 3 && isList) {
          since = at;
          isBetween = false;
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        depth -= 1;
        if (depth === 2 && isList) {
          const value = valueOf([...begun, piece.subarray(since, at + 1)]);
          if (!Array.isArray(value)) elements?.push(value);
          between.push(...nothing);
          begun = [];
          since = -1;
        } else if (depth === 1 && isList) {
          rest.push(Uint8Array.from(between));
          between = [];
          isList = false;
          since = at;
          isBetween = false;
        }
      }
      if (isBetween) between.push(byte);
    }
    if (since === -1) continue;
    if (isList) begun.push(piece.subarray(since));
    else rest.push(piece.subarray(since));
  }
  return { elements, rest: Buffer.concat([...rest, Uint8Array.from(between), ...begun]) };
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\{}[]');
const nothing = Buffer.from("null");

/** @param pieces of an object or a list */
function valueOf(pieces: readonly Uint8Array[]): object {
  const [only, ...others] = pieces;
  const bytes = only === undefined || others.length > 0 ? Buffer.concat(pieces) : only;
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as object;
}
