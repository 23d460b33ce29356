import { spawnSync } from "node:child_process";
import fc from "../../properties.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { logLines } from "../../../src/github/report.ts";

/** What the runner takes for a command: `::name::` at the start of a line, the old form anywhere (actions/runner, ActionCommand.cs). */
const obeyed = (line: string): boolean => /^\s*::/.test(line) || line.includes("##[");

describe("foreign text in the log", () => {
  const nasty = fc.constantFrom(
    "::error::x",
    "::add-mask::",
    "::set-output name=a::b",
    "##[error]",
    "##[group]",
    "\r",
    "\n",
    "\r\n",
    "\u2028",
    "\u001b[2K",
    "\u001b]0;title\u0007",
    "\u001b[1A",
    "\u0000",
    "\u0008",
    " ",
    "text",
  );
  const foreign = fc
    .array(fc.oneof(nasty, fc.string({ maxLength: 5 })), { maxLength: 10 })
    .map((parts) => parts.join(""));

  test("is never a command, whatever it contains", () => {
    fc.assert(
      fc.property(foreign, (text) => {
        for (const line of logLines(untrusted(text))) expect(obeyed(line)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("holds nothing that moves the cursor or ends a line", () => {
    fc.assert(
      fc.property(foreign, (text) => {
        const moves = (character: string): boolean => character !== "\t" && /[\p{Cc}\u2028\u2029]/u.test(character);
        for (const line of logLines(untrusted(text))) expect(Array.from(line).filter(moves)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("is read once from its begin to its end, however it is made, and shown as far as anybody reads", () => {
    for (const part of ["\u001b]", "\u001b[", "\u001b[0;", "##[", ":", " ", "\u001b]0;", "\u001b\u001b"]) {
      const lines = logLines(untrusted(part.repeat(2_000_000 / part.length)));
      expect(lines).toHaveLength(1);
      expect(lines[0]?.length).toBeLessThan(20_000);
      expect(lines[0]).toMatch(/… \(\d+ characters more\)$/);
    }
  });

  test("keeps its lines and its words", () => {
    expect(logLines(untrusted("one\r\ntwo\nthree \u001b[31mred\u001b[0m"))).toEqual(["one", "two", "three red"]);
  });
});

describe("the log of a step", () => {
  /** What a step prints, as a process of its own: the toolkit writes to standard output. */
  const printed = (code: string): string => {
    const program = `import { logReport, mask } from "./src/github/report.ts"; import { untrusted } from "./src/domain/evidence.ts"; const { report, close } = logReport(); ${code}; close();`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  };

  test("has a group for each stage, and closes it", () => {
    expect(
      printed(
        'report({ kind: "stage", title: "A" }); report({ kind: "line", text: "x" }); report({ kind: "stage", title: "B" })',
      ),
    ).toBe("::group::A\nx\n::endgroup::\n::group::B\n::endgroup::\n");
  });

  test("says a finding once, with its place, however often it is found", () => {
    const finding = '{ id: "x", level: "warning", where: { file: "a.yml", line: 3, column: 5 }, what: "W", fix: "F" }';
    expect(printed(`for (const _ of [1, 2]) report({ kind: "finding", finding: ${finding} })`)).toBe(
      "::warning title=x,file=a.yml,line=3,col=5::W%0Awhere: a.yml:3:5%0Afix: F\n",
    );
  });

  test("puts a name before every foreign line", () => {
    const code = 'report({ kind: "foreign", from: "once", text: untrusted("::error::a\\nb") })';
    expect(printed(code)).toBe("once │ \u2060::error::a\nonce │ b\n");
  });

  test("obeys no foreign word in a line of our own", () => {
    expect(printed('report({ kind: "line", text: "image a\\n::error::b\\r::set-env name=x::y \\u001b[1mc" })')).toBe(
      "image a\n\u2060::error::b\n\u2060::set-env name=x::y c\n",
    );
  });

  test("masks every line of a secret", () => {
    expect(printed('mask("one\\n\\ntwo")')).toBe("::add-mask::one\n::add-mask::two\n");
  });
});
