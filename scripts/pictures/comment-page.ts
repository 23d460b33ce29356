import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

/** Where a page finds Mermaid, by which GitHub draws: beside itself. */
export const mermaidFile = "mermaid.js";

/**
 * A page on which a comment looks as it does on a pull request: GitHub's Markdown, with its widths, sizes and colours.
 * @param opened beginnings of the folds that somebody has opened
 */
export function commentPage(markdown: string, opened: readonly string[]): string {
  return framed("<b>github-actions</b> <i>bot</i> commented", bodyOf(markdown, opened));
}

/** A page on which the summary of a job looks as it does below its workflow run, drawings included. */
export function summaryPage(job: string, markdown: string): string {
  const body = bodyOf(markdown, []).replace(
    /<pre><code class="language-mermaid">([^]*?)<\/code><\/pre>/g,
    (_whole, drawing: string) => `<pre class="mermaid">${drawing}</pre>`,
  );
  const draw = `<script src="${mermaidFile}"></script><script>mermaid.initialize({ startOnLoad: true });</script>`;
  return `${framed(`<b>${job} summary</b>`, body)}${draw}`;
}

function bodyOf(markdown: string, opened: readonly string[]): string {
  const comment = micromark(markdown, {
    allowDangerousHtml: true, // folds are HTML; GitHub leaves these, and nothing else is in what we write
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
  });
  const unfolded = opened.reduce((html, summary) => {
    const folded = `<details>\n<summary>${summary}`;
    if (!html.includes(folded)) throw new Error(`the comment has no fold that begins with ${summary}`);
    return html.replace(folded, `<details open>\n<summary>${summary}`);
  }, comment);
  return coloured(unfolded);
}

function framed(header: string, body: string): string {
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>
<article><header>${header}</header><section>
${body}
</section></article>`;
}

/** Lines that a diff adds and removes. */
function coloured(html: string): string {
  return html.replace(
    /<code class="language-diff">([^]*?)<\/code>/g,
    (_whole, lines: string) =>
      `<code>${lines.replace(/^[+-].*$/gm, (line) => `<span class="${line.startsWith("+") ? "added" : "removed"}">${line}</span>`)}</code>`,
  );
}

// Widths, sizes and colours as https://github.com/primer/primitives names them for the light theme.
const style = `
body { margin: 16px; background: #fff; color: #1f2328; font: 14px/1.5 "Liberation Sans", sans-serif; }
article { width: 860px; border: 1px solid #d1d9e0; border-radius: 6px; }
header { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0; color: #59636e; }
header b { color: #1f2328; }
header i { padding: 0 6px; border: 1px solid #d1d9e0; border-radius: 2em; font-size: 12px; font-style: normal; }
section { padding: 16px; overflow: hidden; }
h2 { margin: 0 0 16px; padding-bottom: .3em; border-bottom: 1px solid #d1d9e0; font-size: 1.5em; line-height: 1.25; }
h3 { margin: 0 0 16px; font-size: 1.25em; line-height: 1.25; }
p, ul, table, details, pre { margin: 0 0 16px; }
ul { padding-left: 2em; }
a { color: #0969da; }
code { padding: .2em .4em; background: #818b981f; border-radius: 6px; font: 85%/1.45 "Liberation Mono", monospace; }
pre { padding: 16px; background: #f6f8fa; border-radius: 6px; overflow: hidden; }
pre.mermaid { background: none; padding: 0; }
pre code { padding: 0; background: none; }
pre span { display: inline-block; min-width: 100%; }
.added { background: #dafbe1; color: #116329; }
.removed { background: #ffebe9; color: #82071e; }
table { border-collapse: collapse; }
th, td { padding: 6px 13px; border: 1px solid #d1d9e0; text-align: left; }
tr:nth-child(2n) td { background: #f6f8fa; }
`;
