import fc from "../../properties.ts";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { untrusted } from "../../../src/domain/evidence.ts";
import {
  code,
  codeBlock,
  cut,
  details,
  escape,
  heading,
  link,
  list,
  type Markdown,
  markdown,
  paragraphs,
  table,
} from "../../../src/markdown/markdown.ts";

/** What GitHub's dialect makes of it, raw HTML left in so that a leak shows. */
const render = ({ markdown: text }: Markdown): string =>
  micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
const textOf = (html: string): string =>
  html
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("\u2060", "");

const nasty = fc.constantFrom(
  "<script>",
  "</details>",
  "`",
  "```",
  "|",
  "*",
  "_",
  "[x](y)",
  "![",
  "@octocat",
  "#12",
  "GH-1",
  "https://evil.example",
  "www.evil.example",
  "\\",
  "&amp;",
  "<!--",
  "-->",
  "~~",
  "$x$",
  "- [ ] ",
  "1. ",
  "> ",
  "# ",
  "+ ",
  "= ",
  "\t",
  "a b",
  "\u001b[31m",
  "::error::",
);
const foreign = fc
  .array(fc.oneof(nasty, fc.string({ unit: "grapheme-ascii", maxLength: 6 })), { maxLength: 8 })
  .map((parts) => parts.join(""));
// oxlint-disable-next-line no-control-regex -- a colour, which is not shown
const colour = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
const shown = (text: string): string => text.replaceAll(colour, "").replaceAll(/\s+/g, " ").trim();

describe("foreign text in a line", () => {
  test("is shown as it is, and makes no element, whatever it contains", () => {
    fc.assert(
      fc.property(foreign, (text) => {
        const said = untrusted(text);
        const html = render(markdown`say: ${said} end`);
        expect(html).toMatch(/^<p>[^<]*<\/p>$/);
        expect(shown(textOf(html))).toBe(shown(`say: ${said.untrusted} end`));
      }),
      { numRuns: 500 },
    );
  });

  test("at the start of a line makes no heading, list, quote or table either", () => {
    fc.assert(
      fc.property(foreign, (text) => {
        fc.pre(shown(text) !== "");
        expect(render(escape(text).markdown.trim() === "" ? markdown`x` : escape(text))).toMatch(/^<p>[^<]*<\/p>$/);
      }),
      { numRuns: 500 },
    );
  });

  test.each(["@octocat", "#12", "owner/name#12"])("mentions nobody: %s", (text) =>
    expect(escape(text).markdown).toContain("\u2060"),
  );
});

test("the digest of an image can be copied from wherever it stands", () => {
  const image = `team/app@sha256:${"0a".repeat(32)}`;
  expect(escape(`made ${image}, pushed`).markdown).toBe(`made ${image}, pushed`);
  expect(code(image).markdown).toBe(`\`${image}\``);
  expect(table(["Result"], [[image]]).markdown).toContain(`| ${image} |`);
  for (const mention of [`@sha256:${"0a".repeat(32)}`, "a @sha256", "app@sha256:0a"]) {
    expect(escape(mention).markdown).toContain("@\u2060");
  }
});

test("foreign text is read once from its begin to its end, however it is made", () => {
  for (const part of [
    " ",
    "\n",
    "\t",
    " \n",
    "`",
    "` ",
    "\u001b]",
    "\u001b[",
    "\u001b[0;",
    "@",
    "#",
    "|",
    "\\",
    "&",
    "1",
  ]) {
    const text = untrusted(`x${part.repeat(2_000_000 / part.length)}x`);
    for (const make of [escape, code, codeBlock]) expect(make(text).markdown).toMatch(/x/);
    expect(cut(codeBlock(text), 500_000, "cut").markdown.length).toBeLessThanOrEqual(500_000);
  }
});

describe("foreign text as code", () => {
  test("is shown as it is, whatever it contains", () => {
    fc.assert(
      fc.property(foreign, (text) => {
        fc.pre(shown(text) !== "");
        const html = render(markdown`say: ${code(text)} end`);
        expect(html).toMatch(/^<p>say: <code>[^<]*<\/code> end<\/p>$/);
        expect(shown(textOf(html))).toBe(shown(`say: ${text} end`));
      }),
      { numRuns: 500 },
    );
  });

  test("in a block keeps its lines, and never gets out of it", () => {
    fc.assert(
      fc.property(fc.array(foreign, { minLength: 1 }), (lines) => {
        const html = render(paragraphs(codeBlock(untrusted(lines.join("\n"))), markdown`end`));
        expect(html).toMatch(/^<pre><code>[^<]*<\/code><\/pre>\n<p>end<\/p>$/);
      }),
    );
  });
});

test("foreign text in a table stays in its cell", () => {
  fc.assert(
    fc.property(foreign, foreign, (a, b) => {
      const html = render(table(["name", "value"], [[untrusted(a), code(b)]]));
      expect(html.match(/<td>/g)).toHaveLength(2);
      expect(html.replaceAll(/<\/?(table|thead|tbody|tr|th|td|code)>/g, "")).not.toContain("<");
    }),
  );
});

test("pieces are put together, and empty ones leave no trace", () => {
  expect(paragraphs(heading(2, "Plan"), null, table(["a"], []), list(["x", markdown`**y**`])).markdown).toBe(
    "## Plan\n\n- x\n- **y**",
  );
  expect(details("3 events", codeBlock("log")).markdown).toBe(
    "<details>\n<summary>3 events</summary>\n\n```\nlog\n```\n\n</details>",
  );
});

test("What is folded shows its summary as it is, and no element of it, whatever it contains", () => {
  fc.assert(
    fc.property(foreign, (text) => {
      const said = untrusted(text);
      const html = render(details(said, { markdown: "body" }));
      const [, summary = "", rest = ""] = /^<details>\n<summary>(.*)<\/summary>\n([^]*)$/.exec(html) ?? [];
      expect(summary).not.toMatch(/<|[@#](?=[\w.-])|:(?=\/\/)/);
      expect(shown(textOf(summary))).toBe(shown(said.untrusted));
      expect(rest.trim()).toBe("<p>body</p>\n</details>");
    }),
    { numRuns: 500 },
  );
});

describe("a text that is too long", () => {
  const long = paragraphs(
    heading(1, "Log"),
    details("lines", codeBlock(Array.from({ length: 100 }, (_, index) => `line ${index}`).join("\n"))),
  );

  test("is cut at a line, closes what is open, and says so", () => {
    for (const limit of [120, 200, 400, 800]) {
      const { markdown: text } = cut(long, limit, "cut: the whole log is in the run");
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
      expect(text).toContain("_cut: the whole log is in the run_");
      expect(text.match(/^```/gm)?.length ?? 0).toBe(text.includes("```") ? 2 : 0);
      expect(text.split("<details>").length).toBe(text.split("</details>").length);
    }
  });

  test("is not misled by what stands in a fence", () => {
    const { markdown: text } = cut(codeBlock(`<details>\n${"line\n".repeat(100)}`), 200, "cut");
    expect(text).not.toContain("</details>");
    expect(text.endsWith("\n```\n\n_cut_")).toBe(true);
  });

  test("and one that is not stays as it is", () => expect(cut(long, 10_000, "cut")).toEqual(long));
});

describe("A link", () => {
  test("leads where it says", () => {
    expect(link("the *page*", "https://console.aws.amazon.com/a?b=c#d:$252F").markdown).toBe(
      String.raw`[the \*page\*](https://console.aws.amazon.com/a?b=c#d:$252F)`,
    );
  });

  test("cannot be ended early by its address", () => {
    expect(link("x", "https://a.example/b) [y](https://c.example/").markdown).toBe(
      "[x](https://a.example/b%29%20%5By%5D%28https://c.example/)",
    );
  });

  test.each(["javascript:alert(1)", "http://a.example/", "//a.example/"])("is none when it is %s", (url) => {
    expect(link("x", url).markdown).toBe("x");
  });
});
