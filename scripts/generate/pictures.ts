import type { Generated, Read } from "../generate.ts";
import { commentPicture } from "../pictures/comment.ts";
import { readCast, terminalPicture } from "../pictures/terminal.ts";

/** What `npm run record` has kept of a terminal. */
export const castPath = "docs/pictures/terminal.cast";

/** Pictures of what people see: a comment, as the tests hold the product to it, and a terminal, as it was recorded. */
export function pictures(read: Read): readonly Generated[] {
  return [
    {
      path: "docs/pictures/comment.svg",
      text: commentPicture(read("test/fixtures/previews/code-change.md"), "<b>github-actions</b> commented"),
    },
    { path: "docs/pictures/terminal.svg", text: terminalPicture(readCast(read(castPath))) },
  ];
}
