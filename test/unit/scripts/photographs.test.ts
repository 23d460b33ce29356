import { existsSync, readFileSync } from "node:fs";
import { commentPage, mermaidFile, summaryPage } from "../../../scripts/pictures/comment-page.ts";
import { photographs, sourceKeyword } from "../../../scripts/pictures/photographs.ts";
import { textIn, withText } from "../../../scripts/pictures/png-text.ts";

test.each(photographs())(
  "$file shows what is written today; if not: node scripts/photograph.ts",
  ({ file, source }) => {
    expect(existsSync(file)).toBe(true);
    expect(textIn(readFileSync(file), sourceKeyword)).toBe(source);
  },
);

test("a picture says under each keyword only what was written under it", () => {
  const png = withText(readFileSync("docs/pictures/preview.png"), "Author", "nobody");
  expect(textIn(png, "Author")).toBe("nobody");
  expect(textIn(png, sourceKeyword)).toMatch(/^[0-9a-f]{64}$/);
  expect(textIn(png, "Title")).toBeNull();
});

test("lines of a diff have their colours, and what is in them stays text", () => {
  const page = commentPage("```diff\n- a: <b>\n+ a: c\n```\n", []);
  expect(page).toContain('<span class="removed">- a: &lt;b&gt;</span>\n<span class="added">+ a: c</span>');
});

test("a fold that the comment does not have cannot be opened", () => {
  expect(() => commentPage("nothing", ["Cost"])).toThrow("the comment has no fold that begins with Cost");
});

test("drawings of a summary are drawn, and what is in them stays text", () => {
  const page = summaryPage("deploy", "```mermaid\ntimeline\n    0 s : <b>\n```\n");
  expect(page).toContain('<pre class="mermaid">timeline\n    0 s : &lt;b&gt;\n</pre>');
  expect(page).toContain(`<script src="${mermaidFile}"></script>`);
  expect(page).toContain("<b>deploy summary</b>");
});
