import { crc32 } from "node:zlib";

/**
 * A PNG with a line of text in it, which programs that show pictures leave alone.
 * @see https://www.w3.org/TR/png-3/#11tEXt
 */
export function withText(png: Buffer, keyword: string, text: string): Buffer {
  const [header, rest] = [png.subarray(0, afterHeader), png.subarray(afterHeader)];
  const body = Buffer.concat([Buffer.from("tEXt"), Buffer.from(`${keyword}\0${text}`, "latin1")]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([header, length, body, sum, rest]);
}

/** @returns null when it has none under this keyword */
export function textIn(png: Buffer, keyword: string): string | null {
  for (let at = signature; at + 12 <= png.length; at += 12 + png.readUInt32BE(at)) {
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at)).toString("latin1");
    if (png.toString("latin1", at + 4, at + 8) === "tEXt" && body.startsWith(`${keyword}\0`))
      return body.slice(keyword.length + 1);
  }
  return null;
}

const signature = 8;
/** The header is a chunk of 13 bytes, and stands first. */
const afterHeader = signature + 12 + 13;
