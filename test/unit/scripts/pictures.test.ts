import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { verbs } from "../../../src/cli/verbs.ts";
import { castPath, pictures } from "../../../scripts/generate/pictures.ts";
import { readCast, terminalPicture, writeCast } from "../../../scripts/pictures/terminal.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";

const read = (path: string): string => readFileSync(path, "utf8");

test.each(pictures(read))("$path is made of what is kept today", ({ path, text }) => {
  expect(read(path)).toBe(text);
});

test.each(pictures(read))("$path is well-formed XML, as an image of a page must be", async ({ path }) => {
  const { executable } = await machinePython();
  const parse = "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])";
  expect(() => execFileSync(executable, ["-c", parse, path])).not.toThrow();
});

test("what was recorded are commands that there are, with options that they have", () => {
  const typed = readCast(read(castPath)).events.flatMap(
    ({ text }) => /^\$ dagster-ecs (\S+)(.*)\r\n$/.exec(text) ?? [],
  );
  expect(typed.length).toBeGreaterThan(0);
  for (let at = 0; at < typed.length; at += 3) {
    const verb = verbs[typed[at + 1] ?? ""];
    const options = [...(typed[at + 2] ?? "").matchAll(/--([a-z-]+)/g)].map(([, name]) => name);
    expect(verb?.options).toEqual(expect.arrayContaining(options));
  }
});

describe("a recorded terminal", () => {
  const columns = 40;
  const picture = (...texts: readonly string[]): string =>
    terminalPicture({ columns, events: texts.map((text, seconds) => ({ seconds, text })) });
  const shown = (svg: string): readonly string[] =>
    [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, text = ""]) => text);

  test("shows each line, and what it takes away again only until then", () => {
    const svg = picture(
      "$ plan\r\n",
      "\u001b[?7l\u001b[2m… working\u001b[0m\u001b[?7h",
      "\r\u001b[2Kdone <b> & gone\r\n",
    );
    expect(shown(svg)).toEqual(["$ plan", "… working", "done &lt;b&gt; &amp; gone"]);
    expect(svg.match(/100% \{ opacity: 0 \}/g)).toHaveLength(1);
  });

  test("moves up when its lines are more than are seen", () => {
    const scrolls = (count: number): number =>
      picture(...Array.from({ length: count }, (_, at) => `line ${at}\r\n`)).match(/translateY/g)?.length ?? 0;
    expect([scrolls(23), scrolls(24), scrolls(30)]).toEqual([0, 1, 7]);
  });

  test("is kept as it was told", () => {
    const recording = { columns, events: [{ seconds: 0.5, text: "a\u001b[1mb\r\n" }] };
    expect(readCast(writeCast(recording))).toEqual(recording);
    expect(() => readCast('{"version": 3}\n')).toThrow("no asciicast");
  });
});
