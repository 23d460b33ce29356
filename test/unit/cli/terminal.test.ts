/* oxlint-disable no-control-regex -- what a terminal is sent holds them */
import { openTerminal, type Stream } from "../../../src/cli/terminal.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import type { Finding } from "../../../src/domain/finding.ts";

interface Played extends Stream {
  readonly written: () => string;
}

function stream(isTTY: boolean, columns = 80): Played {
  const all: string[] = [];
  return { isTTY, columns, write: (text) => all.push(text), written: () => all.join("") };
}

/** What is sent to a screen but for our own colours, the last line and its going. */
const shown = (text: string): string =>
  text.replaceAll(/\u001b\[\?7l[^\n]*?\u001b\[\?7h\r\u001b\[2K|\u001b\[\?7l[^\n]*$|\u001b\[\d+m/g, "");

const finding: Finding = {
  id: "drift",
  level: "warning",
  what: "code runs another one.",
  where: { file: "dagster-stack.yml", line: 3, column: 1 },
  fix: "Deploy.",
};

test("what is not a terminal gets each line once, without colours and movements", () => {
  const [output, errors] = [stream(false), stream(false)];
  const terminal = openTerminal(output, errors, {});
  terminal.report({ kind: "stage", title: "Taking back" });
  terminal.report({ kind: "line", text: "roll/code: done" });
  terminal.report({ kind: "foreign", from: "docker", text: untrusted("one\ntwo") });
  terminal.report({ kind: "finding", finding });
  terminal.report({ kind: "finding", finding });
  terminal.print(["Released."]);
  terminal.close();
  expect(errors.written()).toBe(
    "Taking back\n  roll/code: done\n  docker │ one\n  docker │ two\nwarning drift: code runs another one.\n  where: dagster-stack.yml:3:1\n  fix: Deploy.\n",
  );
  expect(output.written()).toBe("Released.\n");
});

test("a terminal shows in its last line what was told last, and takes it away at the end", () => {
  const errors = stream(true);
  const terminal = openTerminal(stream(true), errors, {});
  terminal.report({ kind: "line", text: "rolling code" });
  expect(errors.written()).toMatch(/  rolling code\n\u001b\[\?7l\u001b\[2m… rolling code, \d s\u001b\[0m\u001b\[\?7h$/);
  terminal.close();
  expect(errors.written()).toMatch(/\r\u001b\[2K$/);
});

test("a document stays one, whatever in it is a secret, or moves a cursor", () => {
  const output = stream(true);
  const terminal = openTerminal(output, stream(true), {});
  for (const value of ['pa"ss\\word', '{\n  "key": "of a service"\n}']) terminal.report({ kind: "secret", value });
  terminal.document({ text: 'it is pa"ss\\word', moved: "\u009b2J", list: ["x"] });
  terminal.close();
  expect(output.written()).toMatch(/^[\n -~]*$/);
  expect(JSON.parse(output.written())).toEqual({ text: "it is ***", moved: "\u009b2J", list: ["x"] });
});

test.each([
  ["NO_COLOR", { NO_COLOR: "1" }, true],
  ["TERM=dumb", { TERM: "dumb" }, false],
])("%s turns colours off", (_, variables, isLive) => {
  const errors = stream(true);
  const terminal = openTerminal(stream(true), errors, variables);
  terminal.report({ kind: "finding", finding });
  terminal.close();
  expect(errors.written()).not.toMatch(/\u001b\[\d+m/);
  expect(errors.written().includes("\u001b")).toBe(isLive);
});

test.each(["\u001b[2J", "\u001b]0;title\u0007", "\r", "\u0007", "\u009b2J", "\u001b[1A\u001b[2K"])(
  "foreign text cannot move the cursor or write over a line: %j",
  (nasty) => {
    const [output, errors] = [stream(true), stream(true)];
    const terminal = openTerminal(output, errors, {});
    const text = `begin ${nasty} end`;
    terminal.report({ kind: "foreign", from: text, text: untrusted(text) });
    terminal.report({ kind: "line", text });
    terminal.report({ kind: "finding", finding: { ...finding, what: text } });
    terminal.print([text]);
    terminal.complain([text]);
    terminal.close();
    const screens = [shown(errors.written()).replaceAll("\r\u001b[2K", ""), shown(output.written())];
    for (const screen of screens) expect(screen.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  },
);

test("a value that must not be shown is not, wherever it stands", () => {
  const [output, errors] = [stream(false), stream(false)];
  const terminal = openTerminal(output, errors, {});
  terminal.report({ kind: "secret", value: "hunter22" });
  terminal.report({ kind: "line", text: "user:hunter22@db" });
  terminal.document({ what: "hunter22" });
  expect(errors.written()).toBe("  user:***@db\n");
  expect(JSON.parse(output.written())).toEqual({ what: "***" });
});

test("own words are broken where the terminal ends, between words", () => {
  const output = stream(true, 30);
  openTerminal(output, stream(false), {}).print(["  code: runs small-code:3 instead of small-code:2"]);
  expect(output.written()).toBe("  code: runs small-code:3\n    instead of small-code:2\n");
});
