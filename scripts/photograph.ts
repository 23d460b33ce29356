// `node scripts/photograph.ts`: photographs a comment and a summary as they look on GitHub, for docs/. Needs Debian's chromium and fonts-liberation,
// and takes Mermaid, which GitHub draws with, from npm.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cacheFolder } from "../test/cache-folder.ts";
import { mermaidFile } from "./pictures/comment-page.ts";
import { photographs, sourceKeyword } from "./pictures/photographs.ts";
import { withText } from "./pictures/png-text.ts";

/** Unpacked: it is needed for pictures alone, and is no dependency. */
function mermaid(): string {
  const folder = cacheFolder("mermaid");
  const file = join(folder, "package/dist/mermaid.min.js");
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const name = execFileSync("npm", ["pack", "--silent", "mermaid@11"], { cwd: folder, encoding: "utf8" }).trim();
  execFileSync("tar", ["--extract", "--gzip", "--file", name], { cwd: folder });
  return file;
}

for (const { file, height, page, source } of photographs()) {
  const folder = mkdtempSync(join(tmpdir(), "picture-"));
  try {
    const [html, png] = [join(folder, "page.html"), join(folder, "page.png")];
    writeFileSync(html, page);
    if (page.includes(mermaidFile)) copyFileSync(mermaid(), join(folder, mermaidFile));
    const options = [
      "--headless",
      "--no-sandbox", // as root there is no other way; the page is ours, and loads nothing
      "--hide-scrollbars",
      `--user-data-dir=${folder}/profile`,
      "--virtual-time-budget=10000", // drawings are made after the page has loaded
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
