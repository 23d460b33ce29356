import type { Report } from "../domain/context.ts";
import { showPlace } from "../domain/errors.ts";
import type { Untrusted } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";
import { plainLines } from "../markdown/plain.ts";
import { wrap } from "./wrap.ts";

/** One of the two streams that a program writes to. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Where people, and programs, see what a command does and what comes of it. */
export interface Terminal {
  /** Progress: to standard error. */
  readonly report: Report;
  /** What came of it: to standard output. Each text may have several lines, and foreign words in them. */
  print(texts: readonly string[]): void;
  /** Lines of somebody else's, as they come: to standard output, each behind whose it is. */
  quote(from: string, text: Untrusted): void;
  /** What went wrong: to standard error. */
  complain(texts: readonly string[]): void;
  /** For programs: to standard output, as it is. */
  document(value: object): void;
  /** Nothing moves any more. */
  close(): void;
}

type Colour = "bold" | "dim" | "red" | "yellow";

const codes: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, yellow: 33 };

/** Characters. A line of a secret file that is `{` hides nothing, and would be hidden wherever a brace stands. */
const shortestSecret = 3;

/**
 * On a terminal the last line says what was told last, and how long ago; elsewhere every line is written once, and nothing else.
 * Nothing but our own colours and movements reaches a terminal, whatever a text holds.
 * @param variables NO_COLOR and `TERM=dumb` turn colours off; the latter movements, too
 */
export function openTerminal(
  output: Stream,
  errors: Stream,
  variables: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isDumb = variables["TERM"] === "dumb";
  const isColoured = !isDumb && (variables["NO_COLOR"] ?? "") === "";
  const isLive = errors.isTTY === true && !isDumb;
  const secrets: string[] = [];
  const said = new Set<string>();
  let latest: { readonly text: string; readonly since: number } | null = { text: "working", since: Date.now() };
  let isDrawn = false;

  const hide = (text: string): string => secrets.reduce((all, secret) => all.replaceAll(secret, "***"), text);
  const write = (stream: Stream, text: string, first = "", colour?: Colour): void => {
    const lines = plainLines(hide(text)).flatMap((line) => wrap(`${first}${line}`, widthOf(stream)));
    const painted = lines.map((line) => (colour === undefined || !isColouredOn(stream) ? line : paint(line, colour)));
    erase();
    stream.write(`${painted.join("\n")}\n`);
    draw();
  };
  const isColouredOn = (stream: Stream): boolean => isColoured && stream.isTTY === true;
  // Written in one go, and cut by the terminal itself: whatever its width is or becomes, it is one line.
  const draw = (): void => {
    if (!isLive || latest === null) return;
    const line = `… ${latest.text}, ${Math.round((Date.now() - latest.since) / 1000)} s`;
    errors.write(`\u001b[?7l${isColoured ? paint(line, "dim") : line}\u001b[?7h`);
    isDrawn = true;
  };
  const erase = (): void => {
    if (isDrawn) errors.write("\r\u001b[2K");
    isDrawn = false;
  };
  const stop = (): void => {
    erase();
    latest = null;
  };
  const noteLatest = (text: string): void => {
    latest = { text: plainLines(hide(text)).join(" "), since: Date.now() };
  };
  const ticking = isLive
    ? setInterval(() => {
        erase();
        draw();
      }, 1000)
    : undefined;
  ticking?.unref(); // what is over must not be kept alive by it

  const tell = ({ level, id, what, where, fix }: Finding): void => {
    write(errors, `${level} ${id}: ${what}`, "", level === "notice" ? undefined : level === "error" ? "red" : "yellow");
    write(errors, `where: ${showPlace(where)}\nfix: ${fix}`, "  ");
  };
  const report: Report = (progress) => {
    switch (progress.kind) {
      case "stage":
        noteLatest(progress.title);
        return write(errors, progress.title, "", "bold");
      case "line":
        noteLatest(progress.text);
        return write(errors, progress.text, "  ");
      case "foreign":
        return write(errors, progress.text.untrusted, `  ${plainLines(progress.from).join(" ")} │ `, "dim");
      case "finding":
        // A release is planned more than once: each finding is said once.
        if (!said.has(JSON.stringify(progress.finding))) tell(progress.finding);
        said.add(JSON.stringify(progress.finding));
        return;
      case "result":
        stop();
        for (const line of progress.lines) write(errors, line);
        return;
      case "secret":
        for (const line of progress.value.split(/\r?\n/)) if (line.trim().length >= shortestSecret) secrets.push(line);
    }
  };
  return {
    report,
    print: (texts) => {
      stop();
      for (const text of texts) write(output, text);
    },
    quote: (from, { untrusted: text }) => {
      stop();
      write(output, text, `${plainLines(from).join(" ")} │ `);
    },
    complain: (texts) => {
      stop();
      for (const [at, text] of texts.entries()) write(errors, text, "", at === 0 ? "red" : undefined);
    },
    document: (value) => {
      stop();
      const hidden = JSON.stringify(
        value,
        (_key, member: unknown) => (typeof member === "string" ? hide(member) : member),
        2,
      );
      output.write(`${hidden.replaceAll(/[\u007f-\u009f]/g, escaped)}\n`);
    },
    close: () => {
      stop();
      clearInterval(ticking);
    },
  };
}

/** As JSON may write any character. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function paint(line: string, colour: Colour): string {
  return `\u001b[${codes[colour]}m${line}\u001b[0m`;
}

function widthOf({ isTTY, columns }: Stream): number {
  return isTTY === true && columns !== undefined && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}
