/** What a terminal was sent: asciicast, version 2. Source: https://docs.asciinema.org/manual/asciicast/v2/ */
export interface Recording {
  readonly columns: number;
  readonly events: readonly { readonly seconds: number; readonly text: string }[];
}

/** @throws Error when it is none */
export function readCast(text: string): Recording {
  const [head = "{}", ...lines] = text.trimEnd().split("\n");
  const { version, width } = JSON.parse(head) as { readonly version?: number; readonly width?: number };
  if (version !== 2 || width === undefined) throw new Error("this is no asciicast of version 2");
  const events = lines.map((line) => {
    const [seconds, , output] = JSON.parse(line) as readonly [number, string, string];
    return { seconds, text: output };
  });
  return { columns: width, events };
}

export function writeCast({ columns, events }: Recording): string {
  const head = { version: 2, width: columns, height: rows };
  return `${[head, ...events.map(({ seconds, text }) => [seconds, "o", text])].map((one) => JSON.stringify(one)).join("\n")}\n`;
}

/** Lines that are seen at once. */
const rows = 24;
/** Pixels. */
const cell = { width: 7.8, height: 18 };
const margin = 14;
/** Seconds in which nothing changes are cut to this, and this is how long the end stands. */
const longestPause = 1.2;
const end = 6;

/** A line of the screen: ours never change once they are ended. */
interface Shown {
  readonly text: string;
  readonly colour: string;
  readonly bold: boolean;
  /** Seconds since the beginning; null: to the end. */
  readonly from: number;
  readonly until: number | null;
  /** Counted from the first line. */
  readonly row: number;
}

const colours: Readonly<Record<string, string>> = { "2": "#8b949e", "31": "#ff7b72", "33": "#d29922" };
const usual = "#e6edf3";

/** A recording of our own program as an SVG that plays by itself: it moves the cursor to the beginning of a line only, and colours whole lines. */
export function terminalPicture(recording: Recording): string {
  const { lines, scrolls, seconds } = screenOf(recording);
  const total = seconds + end;
  const width = Math.ceil(recording.columns * cell.width) + 2 * margin;
  const height = rows * cell.height + 2 * margin;
  const percent = (at: number): string => `${Math.round((at / total) * 10_000) / 100}%`;
  const frames = scrolls.map(({ at, by }) => `${percent(at)} { transform: translateY(${-by * cell.height}px) }`);
  const shown = lines.map(({ text, colour, bold, from, until, row }, index) => {
    const y = margin + (row + 0.75) * cell.height;
    const steps = [
      `0% { opacity: 0 }`,
      `${percent(from)} { opacity: 1 }`,
      ...(until === null ? [] : [`${percent(until)}, 100% { opacity: 0 }`]),
    ];
    const style = `@keyframes l${index} { ${steps.join(" ")} }`;
    const look = `${colour === usual ? "" : ` fill="${colour}"`}${bold ? ' font-weight="bold"' : ""}`;
    return {
      style,
      text: `<text x="${margin}" y="${y}"${look} style="animation-name: l${index}">${escaped(text)}</text>`,
    };
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    "<style>",
    `text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: ${usual}; white-space: pre; opacity: 0; }`,
    `text[fill] { fill: attr(fill); } g, text { animation-duration: ${total}s; animation-timing-function: step-end; animation-iteration-count: infinite; }`,
    ...Object.values(colours).map((colour) => `text[fill="${colour}"] { fill: ${colour}; }`),
    `@keyframes scroll { 0% { transform: none } ${frames.join(" ")} }`,
    ...shown.map(({ style }) => style),
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<svg x="0" y="${margin / 2}" width="${width}" height="${height - margin}"><g style="animation-name: scroll">`,
    ...shown.map(({ text }) => text),
    "</g></svg>",
    "</svg>",
    "",
  ].join("\n");
}

interface Screen {
  readonly lines: readonly Shown[];
  readonly scrolls: readonly { readonly at: number; readonly by: number }[];
  readonly seconds: number;
}

function screenOf({ columns, events }: Recording): Screen {
  const lines: Shown[] = [];
  const scrolls: { at: number; by: number }[] = [];
  let [row, now, last] = [0, 0, 0];
  let current = { text: "", colour: usual, bold: false, from: 0 };
  const put = (until: number | null): void => {
    if (current.text.trim() !== "") lines.push({ ...current, text: current.text.slice(0, columns), until, row });
    current = { text: "", colour: usual, bold: false, from: now };
  };
  for (const { seconds, text } of events) {
    now += Math.min(seconds - last, longestPause);
    last = seconds;
    // oxlint-disable-next-line no-control-regex -- what a terminal is sent holds them
    for (const [token] of text.matchAll(/\r?\n|\r|\u001b\[[?0-9;]*[A-Za-z]|[^\r\n\u001b]+/g)) {
      if (token.endsWith("\n")) {
        put(null);
        row += 1;
        if (row >= rows) scrolls.push({ at: now, by: row - rows + 1 });
      } else if (token === "\r" || token === "\u001b[2K") {
        put(now);
      } else if (token.startsWith("\u001b[")) {
        const code = token.slice(2, -1);
        if (token.endsWith("m") && code === "1") current = { ...current, bold: true };
        else if (token.endsWith("m")) current = { ...current, colour: colours[code] ?? current.colour };
      } else {
        current = { ...current, text: current.text + token, from: current.text === "" ? now : current.from };
      }
    }
  }
  put(null);
  return { lines, scrolls, seconds: now };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
