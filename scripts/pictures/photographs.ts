import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { commentPage, summaryPage } from "./comment-page.ts";

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

/** Each shows what the tests compare letter by letter with what is written. */
export function photographs(): readonly Photograph[] {
  return [
    photograph(
      "docs/pictures/preview.png",
      1116,
      commentPage(readFileSync("test/fixtures/previews/definitions.md", "utf8"), [
        "Dagster definitions of DealFlow",
        "service/code",
      ]),
    ),
    photograph(
      "docs/pictures/summary.png",
      830,
      summaryPage("deploy", readFileSync("test/fixtures/summaries/failed.md", "utf8")),
    ),
  ];
}

function photograph(file: string, height: number, page: string): Photograph {
  return { file, height, page, source: createHash("sha256").update(page).digest("hex") };
}
