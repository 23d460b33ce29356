import type { Generated, Read } from "../generate.ts";
import { readCast, terminalPicture } from "../pictures/terminal.ts";

/** What `npm run record` has kept of a terminal. */
export const castPath = "docs/pictures/terminal.cast";

/** A picture of what people see: a terminal, as it was recorded. */
export function pictures(read: Read): readonly Generated[] {
  return [{ path: "docs/pictures/terminal.svg", text: terminalPicture(readCast(read(castPath))) }];
}
