/** A JSON object that holds a long list. */
export interface ElementsAndRest {
  /** Objects and lists in lists that are direct members of the object, in their order. */
  readonly elements: readonly unknown[];
  /** JSON in UTF-8: the object with these lists empty. What is not JSON is here as it came. */
  readonly rest: Uint8Array;
}

/**
 * Reads a JSON object while it arrives: each element of its list becomes a value as soon as it is whole, so that a long answer is never
 * in memory as bytes, as text and as values at once. Looks at bytes: in UTF-8 none of those that JSON is built of is part of another letter.
 * @throws SyntaxError when an element is not JSON; whatever the source of the pieces throws
 */
export async function readElements(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ElementsAndRest> {
  const elements: unknown[] = [];
  const rest: Uint8Array[] = [];
  /** The beginning of an element of which the end has not come yet. */
  let begun: Uint8Array[] = [];
  let depth = 0;
  let [isList, isText, isEscaped] = [false, false, false];
  for await (const piece of pieces) {
    /** Where the element, or what belongs to the rest, begins in this piece; -1: between two elements. */
    let since = isList && depth === 2 ? -1 : 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at];
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) isText = false;
      } else if (byte === quote) {
        isText = true;
      } else if (byte === openBrace || byte === openBracket) {
        depth += 1;
        if (depth === 2 && byte === openBracket) {
          isList = true;
          rest.push(piece.subarray(since, at + 1));
          since = -1;
        } else if (depth === 3 && isList) {
          since = at;
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        depth -= 1;
        if (depth === 2 && isList) {
          elements.push(valueOf([...begun, piece.subarray(since, at + 1)]));
          begun = [];
          since = -1;
        } else if (depth === 1 && isList) {
          isList = false;
          since = at;
        }
      }
    }
    if (since === -1) continue;
    if (isList) begun.push(piece.subarray(since));
    else rest.push(piece.subarray(since));
  }
  return { elements, rest: Buffer.concat([...rest, ...begun]) };
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\{}[]');

function valueOf(pieces: readonly Uint8Array[]): unknown {
  const [only, ...others] = pieces;
  const bytes = only === undefined || others.length > 0 ? Buffer.concat(pieces) : only;
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}
