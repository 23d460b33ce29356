import { help, readOptions } from "../../../scripts/demo/options.ts";

describe("the options of the demo", () => {
  test("are those that the help names, with what they are when left out", () => {
    expect(readOptions([])).toEqual({ kind: "run", options: { exit: false, report: null, speed: 20 } });
    expect(readOptions(["--exit", "--report", "r.json", "--speed", "5.5"])).toEqual({
      kind: "run",
      options: { exit: true, report: "r.json", speed: 5.5 },
    });
  });

  test("give the help when it is asked for, and no demo", () => {
    expect(readOptions(["--help"])).toEqual({ kind: "say", text: help, exitCode: 0 });
  });

  test.each([
    ["--speed", "abc"],
    ["--speed", "0"],
    ["--speed=-1"],
    ["--speed", ""],
    ["--fast"],
    ["--report"],
    ["more"],
  ])("are refused, with the help: %s %s", (...args) => {
    const read = readOptions(args);
    expect(read).toMatchObject({ kind: "say", exitCode: 2 });
    if (read.kind === "say") expect(read.text).toContain(help);
  });
});
