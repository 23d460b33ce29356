import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { commentPage } from "./comment-page.ts";

export interface Photograph {
  readonly file: string;
  /** Pixels: as much as the page needs. */
  readonly height: number;
  readonly page: string;
  /** SHA-256 of the page, which the picture carries. */
  readonly source: string;
}

/** Under which a photograph says what it was taken of. */
export const sourceKeyword = "Source";

/** Each shows a comment that the tests compare letter by letter with what is written. */
export function photographs(): readonly Photograph[] {
  return [
    photograph("docs/pictures/preview.png", 1116, "test/fixtures/previews/definitions.md", [
      "Dagster definitions of DealFlow",
      "service/code",
    ]),
  ];
}

function photograph(file: string, height: number, comment: string, opened: readonly string[]): Photograph {
  const page = commentPage(readFileSync(comment, "utf8"), opened);
  return { file, height, page, source: createHash("sha256").update(page).digest("hex") };
}
