import { excerptOf } from "../../../src/deployments/stopped-tasks/excerpt.ts";

const frames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => [`  File "lib/frame.py", line ${index}, in call`, "    call()"]).flat();
const header = "Traceback (most recent call last):";
const direct = ["", "The above exception was the direct cause of the following exception:", ""];

/** As `dagster api grpc` ends when the code has an error of syntax: Python prints what happened first. */
const syntax = [
  "2026-11-21 20:12:04 +0000 - dagster.code_server - INFO - Starting Dagster code server",
  header,
  ...frames(10),
  '  File "/app/app/main.py", line 24',
  "    return VERSION +",
  "                    ^",
  "SyntaxError: invalid syntax",
  ...direct,
  header,
  ...frames(30),
  "dagster._core.errors.DagsterUserCodeLoadError: Error occurred during the loading of Dagster definitions in",
  "executable_path=/usr/local/bin/python3, module_name=app.main",
];

test("a chain of exceptions ends in what it began with", () => {
  expect(excerptOf(syntax).at(-1)).toBe("SyntaxError: invalid syntax");
  expect(excerptOf(syntax).slice(0, 20)).toEqual(syntax.slice(-20));
  expect(excerptOf(syntax)).toContain('  File "/app/app/main.py", line 24');
});

test("of two chains the last one counts, of three exceptions the first", () => {
  const chain = (word: string, ...more: readonly string[]) => [
    header,
    `${word}Error: it`,
    ...more.flatMap((name) => [...direct, header, ...frames(12), `${name}Error: it`]),
  ];
  const log = [...chain("Former", "Other"), ...chain("First", "Second", "Third")];
  expect(excerptOf(log).slice(-2)).toEqual(["— it began with, earlier in the log:", "FirstError: it"]);
});

test("what is among the last lines is not told twice; without a chain these are all", () => {
  const short = [header, "KeyError: 'A'", ...direct, header, "RuntimeError: b"];
  expect(excerptOf(short)).toEqual(short);
  const plain = frames(40);
  expect(excerptOf(plain)).toEqual(plain.slice(-20));
  expect(excerptOf([])).toEqual([]);
});
