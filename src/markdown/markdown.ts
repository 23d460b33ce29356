import type { Untrusted } from "../domain/evidence.ts";

/** Text that is safe to stand in a summary or a comment. Made only here; an object, so that it is never taken for a plain string. */
export interface Markdown {
  readonly markdown: string;
}

/** A text of our own or of somebody else: whatever it is, it is escaped. */
export type Text = string | number | Untrusted;

/**
 * Joins pieces: markdown`**${name}** was changed`. What is put in is escaped unless it is Markdown already.
 * Strings of the template itself are ours, and are taken as they are.
 */
export function markdown(strings: TemplateStringsArray, ...values: readonly (Text | Markdown)[]): Markdown {
  const pieces = strings.map((piece, index) => {
    const value = values[index];
    return value === undefined ? piece : piece + toMarkdown(value).markdown;
  });
  return { markdown: pieces.join("") };
}

/**
 * Foreign text inside a line: no markup, no HTML, no mention, no reference to an issue, no line break.
 * GitHub renders backslash escapes and numeric character references; `@`, `#` and addresses are taken apart by a word
 * joiner, which has no width; the `@` of an image's digest mentions nobody, and people copy it.
 */
export function escape(text: Text): Markdown {
  const blanks = plainText(text).replaceAll(/\s+/g, (blanks: string, at: number) =>
    at === 0 || /[\r\n\t]/.test(blanks) ? " " : blanks,
  );
  const escaped = withoutHtml(blanks)
    .replaceAll(/[\\`*_{}[\]()|~!$]/g, String.raw`\$&`)
    .replace(/^( ?)([-+=#])|^( ?\d{1,9})(\.)(?=\s|$)/, String.raw`$1$3\$2$4`);
  return { markdown: withoutReferences(escaped) };
}

function withoutHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function withoutReferences(text: string): string {
  return text
    .replaceAll(/(?<!\w(?=@sha256:[0-9a-f]{64}(?!\w)))[@#](?=[\w.-])/g, "$&\u2060")
    .replaceAll(/:(?=\/\/)|w(?=ww\.)/gi, "$&\u2060");
}

/** Foreign text as inline code: shown as it is, whatever it contains; line breaks become spaces. */
export function code(text: Text): Markdown {
  const plain = plainText(text).replaceAll(/\s+/g, (blanks) => (/[\r\n]/.test(blanks) ? " " : blanks));
  if (plain === "") return nothing;
  const fence = "`".repeat(longestRun(plain, "`") + 1);
  const pad = plain.startsWith("`") || plain.endsWith("`") ? " " : "";
  return { markdown: `${fence}${pad}${plain}${pad}${fence}` };
}

/** Foreign text of several lines, in a fence longer than any inside it. */
export function codeBlock(text: Text, language = ""): Markdown {
  const plain = plainText(text)
    .replaceAll(/\r\n?/g, "\n")
    .replace(/(?<!\n)\n+$/, "");
  const fence = "`".repeat(Math.max(3, longestRun(plain, "`") + 1));
  return { markdown: `${fence}${language}\n${plain}\n${fence}` };
}

/** Something that is folded until a person opens it. The summary stands in HTML, where Markdown means nothing and would be shown. */
export function details(summary: Text, body: Markdown): Markdown {
  const title = withoutReferences(withoutHtml(plainText(summary).replaceAll(/\s+/g, " ")));
  return markdown`<details>\n<summary>${{ markdown: title }}</summary>\n\n${body}\n\n</details>`;
}

/** A table; cells are escaped unless they are Markdown. No rows: nothing. */
export function table(header: readonly string[], rows: readonly (readonly (Text | Markdown)[])[]): Markdown {
  if (rows.length === 0) return nothing;
  const line = (cells: readonly (Text | Markdown)[]): string => `| ${cells.map((cell) => cellOf(cell)).join(" | ")} |`;
  return { markdown: [line(header), `|${" --- |".repeat(header.length)}`, ...rows.map(line)].join("\n") };
}

/** An address that people can follow, if it is one of the web's. */
export function link(text: Text, url: string): Markdown {
  if (!/^https:\/\/[a-z0-9.-]+\//.test(url)) return escape(text);
  const safe = url.replaceAll(/[^A-Za-z0-9/:?#=&$%._~+-]/g, (character) => encodeURIComponent(character));
  return { markdown: `[${escape(text).markdown}](${safe.replaceAll("(", "%28").replaceAll(")", "%29")})` };
}

export function list(items: readonly (Text | Markdown)[]): Markdown {
  return { markdown: items.map((item) => `- ${toMarkdown(item).markdown}`).join("\n") };
}

/** Paragraphs, with an empty line between; empty ones are left out. */
export function paragraphs(...blocks: readonly (Markdown | null)[]): Markdown {
  const texts = blocks.map((block) => block?.markdown ?? "").filter((text) => text !== "");
  return { markdown: texts.join("\n\n") };
}

export function heading(level: 1 | 2 | 3 | 4, text: Text | Markdown): Markdown {
  return { markdown: `${"#".repeat(level)} ${toMarkdown(text).markdown}` };
}

/**
 * Cuts whole lines off the end, visibly, so that the text takes at most so many bytes; an open fence or fold is closed.
 * @param limitBytes GitHub refuses a step summary above 1 MiB and a comment above 65,536 characters.
 */
export function cut({ markdown: text }: Markdown, limitBytes: number, note: string): Markdown {
  if (Buffer.byteLength(text) <= limitBytes) return { markdown: text };
  const last = `_${escape(note).markdown}_`;
  let open: Open = { fence: null, folds: 0 };
  let best = last;
  let [sizeBytes, length] = [0, 0];
  for (const line of text.split("\n")) {
    open = after(open, line);
    sizeBytes += Buffer.byteLength(line) + 1;
    length += line.length + 1;
    if (sizeBytes > limitBytes) break;
    const end = closing(open, last);
    if (sizeBytes + Buffer.byteLength(end) <= limitBytes) best = `${text.slice(0, length)}${end}`;
  }
  return { markdown: best };
}

const nothing: Markdown = { markdown: "" };

function isMarkdown(value: Text | Markdown): value is Markdown {
  return typeof value === "object" && "markdown" in value;
}

function toMarkdown(value: Text | Markdown): Markdown {
  return isMarkdown(value) ? value : escape(value);
}

/** A pipe ends a cell even inside code; in a table, GitHub shows an escaped one without its backslash. */
function cellOf(value: Text | Markdown): string {
  return toMarkdown(value)
    .markdown.replaceAll(/(?<!\\)\|/g, String.raw`\|`)
    .replaceAll("\n", "<br>");
}

/** What is open after some lines. */
interface Open {
  readonly fence: string | null;
  readonly folds: number;
}

function after({ fence, folds }: Open, line: string): Open {
  if (fence !== null) return { fence: line === fence ? null : fence, folds };
  if (line === "<details>") return { fence, folds: folds + 1 };
  if (line === "</details>") return { fence, folds: folds - 1 };
  return { fence: /^`{3,}/.exec(line)?.[0] ?? null, folds };
}

/** What closes it, and the last line. */
function closing({ fence, folds }: Open, last: string): string {
  const folded = Array.from({ length: Math.max(folds, 0) }, () => "\n</details>");
  return [...(fence === null ? [] : [fence]), ...folded, "", last].join("\n");
}

function longestRun(text: string, character: string): number {
  const runs = text.matchAll(new RegExp(`${RegExp.escape(character)}+`, "g"));
  return runs.reduce((longest, [run]) => Math.max(longest, run.length), 0);
}

/** ANSI sequences and other control characters: they mean nothing on a page, and can hide or turn around what stands there. */
/* oxlint-disable no-control-regex -- they are what is removed */
const invisible =
  /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\r\n]*(?:\u0007|\u001b\\)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function plainText(text: Text): string {
  return (typeof text === "object" ? text.untrusted : String(text)).replaceAll(invisible, "");
}
