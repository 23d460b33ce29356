// `node scripts/photograph.ts`: photographs comments as they look on GitHub, for docs/. Needs Debian's chromium and fonts-liberation.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { photographs, sourceKeyword } from "./pictures/photographs.ts";
import { withText } from "./pictures/png-text.ts";

for (const { file, height, page, source } of photographs()) {
  const folder = mkdtempSync(join(tmpdir(), "picture-"));
  try {
    const [html, png] = [join(folder, "page.html"), join(folder, "page.png")];
    writeFileSync(html, page);
    const options = [
      "--headless",
      "--no-sandbox", // as root there is no other way; the page is ours, and loads nothing
      "--hide-scrollbars",
      `--user-data-dir=${folder}/profile`,
      `--window-size=894,${height}`,
      `--screenshot=${png}`,
      pathToFileURL(html).href,
    ];
    execFileSync("chromium", options, { stdio: ["ignore", "ignore", "pipe"] });
    writeFileSync(file, withText(readFileSync(png), sourceKeyword, source));
    console.log(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
