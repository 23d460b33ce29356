/** Something that went wrong while a process started, as its log tells it. */
export interface StartUpError {
  readonly kind: "traceback" | "two-daemons" | "not-loaded";
  /** The line that says it, foreign text. */
  readonly headline: string;
  /** That line and those before it, oldest first. */
  readonly lines: readonly string[];
}

/** What Python prints before a stack. */
const begin = "Traceback (most recent call last):";

/** The line that ends a traceback: `pkg.SomeError: message`, not indented. */
const raised = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::|$)/;

/** Between the tracebacks of one chain. Source: Python's traceback module */
const chained = /^(?:The above exception was the direct cause|During handling of the above exception)/;

/**
 * A daemon that hears another one's heartbeats. It says so half a minute after its start, once for each type.
 * Source: dagster/_daemon/daemon.py
 */
const anotherDaemon = /\bAnother \w+ daemon is still sending heartbeats/;

/** Errors of definitions that Dagster also logs without a traceback. Source: dagster/_core/errors.py */
const notLoaded =
  /\b(?:DagsterInvariantViolationError|DagsterImportError|DagsterUserCodeLoadError|DagsterInvalidDefinitionError|ModuleNotFoundError|ImportError)\b/;

/** What is announced for a later version, or tried out, is no error. */
const warns = /\b\w*Warning\b/;

/** A code server was away for a moment: that it is served is what the location gate asks. */
const weather = /\bDagsterUserCodeUnreachableError\b/;

/** ANSI's escape sequences for colours. */
const colour = /\p{Cc}\[[0-9;]*m/gu;

/** Lines of one traceback that are kept: its end. */
const keptLines = 12;

/**
 * The start-up errors in a log: tracebacks, two daemons at once, definitions that could not be loaded. Of those with one headline the
 * first is given.
 * @param messages events of the log, oldest first; one may hold several lines, or be JSON
 */
export function startUpErrors(messages: readonly string[]): readonly StartUpError[] {
  const lines = messages.flatMap(linesOf);
  const found = new Map<string, StartUpError>();
  const note = (kind: StartUpError["kind"], headline: string, from: readonly string[]): void => {
    const key = headline.replace(/^.*? - (?=\S+ daemon|Another)/, "").trim();
    if (!found.has(key)) found.set(key, { kind, headline: headline.trim(), lines: from.slice(-keptLines) });
  };
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (line.includes(begin)) {
      const end = endOfChain(lines, at);
      const headline = lines[end] ?? line;
      if (!weather.test(headline) && !isWarning(headline)) note("traceback", headline, lines.slice(at, end + 1));
      at = end;
    } else if (anotherDaemon.test(line)) {
      note("two-daemons", line, [line]);
    } else if (notLoaded.test(line) && !warns.test(line) && !weather.test(line)) {
      note("not-loaded", line, [line]);
    }
  }
  return [...found.values()];
}

/**
 * Index of the line that a traceback ends with; of one that others follow in a chain, the last one's. A message may have several
 * lines before the chain goes on, as that of gRPC's errors has.
 */
function endOfChain(lines: readonly string[], begun: number): number {
  let end = endOfOne(lines, begun);
  for (;;) {
    const next = nextOfChain(lines, end);
    if (next === null) return end;
    end = endOfOne(lines, next);
  }
}

/** Lines that the message of an error may have beyond its first. */
const mostLinesOfMessage = 20;

/** Where the next traceback of a chain begins. @returns null: none follows */
function nextOfChain(lines: readonly string[], end: number): number | null {
  const mark = lines
    .slice(end + 1, end + 2 + mostLinesOfMessage)
    .findIndex((line) => chained.test(line) || line.includes(begin));
  const at = end + 1 + mark;
  if (mark < 0 || !chained.test(lines[at] ?? "")) return null;
  const after = lines.slice(at + 1, at + 4).findIndex((line) => line.includes(begin));
  return after < 0 ? null : at + 1 + after;
}

/** A log that ends within a traceback ends it. */
function endOfOne(lines: readonly string[], begun: number): number {
  for (let at = begun + 1; at < lines.length; at += 1) if (raised.test(lines[at] ?? "")) return at;
  return lines.length - 1;
}

function isWarning(headline: string): boolean {
  return warns.test(headline.split(":")[0] ?? "");
}

/** Dagster colours its lines, and writes JSON with `--log-format json`, where a traceback is one text. */
function linesOf(message: string): readonly string[] {
  return textOf(message).replaceAll(colour, "").split(/\r?\n/);
}

function textOf(message: string): string {
  if (!message.startsWith("{")) return message;
  try {
    return textsIn(JSON.parse(message)).join("\n");
  } catch {
    return message;
  }
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
