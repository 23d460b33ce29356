import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

/** Pixels. */
const width = 900;
const textWidth = 820;
const lineHeight = 24;

/** What a page of GitHub would look like, as far as our Markdown goes. */
const style = `
.page { font: 14px/24px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: #1f2328; background: #fff; border: 1px solid #d1d9e0; border-radius: 6px; }
.by { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 16px; color: #59636e; }
.text { padding: 8px 16px; }
h2, h3 { font-size: 18px; margin: 8px 0; } p, ul, ol, details, table, pre { margin: 8px 0; } summary { cursor: pointer; }
code { font: 12px ui-monospace, Menlo, Consolas, monospace; background: #eff1f3; padding: 2px 5px; border-radius: 6px; }
pre { background: #f6f8fa; padding: 8px; border-radius: 6px; white-space: pre-wrap; } pre code { background: none; padding: 0; }
table { border-collapse: collapse; } td, th { border: 1px solid #d1d9e0; padding: 3px 12px; text-align: left; } a { color: #0969da; }
`;

/**
 * A comment as GitHub shows it, as SVG: its Markdown by the rules of GitHub Flavored Markdown, what is folded left folded.
 * @param by who seems to have written it
 */
export function commentPicture(markdown: string, by: string): string {
  const html = micromark(markdown, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
  const height = 60 + heightOf(html);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${style}</style>`,
    `<foreignObject width="${width}" height="${height}">`,
    `<div xmlns="http://www.w3.org/1999/xhtml" class="page"><div class="by">${by}</div><div class="text">`,
    html,
    "</div></div>",
    "</foreignObject>",
    "</svg>",
    "",
  ].join("\n");
}

/** How much its blocks take, about: characters are 7 pixels wide. */
function heightOf(html: string): number {
  const shown = html.replaceAll(/(<summary>[^]*?<\/summary>)[^]*?(?=<\/details>)/g, "$1");
  const blocks = shown.match(/<(p|li|h\d|tr|summary)\b[^]*?<\/\1>/g) ?? [];
  const lines = blocks.map((block) => Math.ceil((block.replaceAll(/<[^>]*>/g, "").length * 7) / textWidth));
  return lines.reduce((sum, count) => sum + count * lineHeight + 8, 0);
}
