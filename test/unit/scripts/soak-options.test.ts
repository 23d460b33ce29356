import { help, readOptions } from "../../../scripts/soak/options.ts";

describe("the options of the soak", () => {
  test("are those that the help names, with what they are when left out", () => {
    const usual = { of: "cuts", seed: 1, from: 0, count: Number.POSITIVE_INFINITY, minutes: 60 };
    expect(readOptions([])).toEqual({ kind: "run", options: usual });
    expect(readOptions(["switches", "--seed", "7", "--from", "12", "--count", "3", "--minutes", "5"])).toEqual({
      kind: "run",
      options: { of: "switches", seed: 7, from: 12, count: 3, minutes: 5 },
    });
  });

  test("give the help when it is asked for, and no soak", () => {
    expect(readOptions(["--help"])).toEqual({ kind: "say", text: help, exitCode: 0 });
  });

  test.each([
    [["--seed", "one"], "--seed must be a whole number, and is one"],
    [["--count", "1.5"], "--count must be a whole number, and is 1.5"],
    [["everything"], "It soaks cuts, switches, upgrade, migration, scenarios, scripts, properties, not everything."],
    [["--fast"], "Unknown option '--fast'"],
  ])("are refused, with what is wrong and the help: %j", (args, what) => {
    const read = readOptions(args);
    expect(read).toMatchObject({ kind: "say", exitCode: 2 });
    if (read.kind === "say") expect(read.text).toContain(what);
    if (read.kind === "say") expect(read.text).toContain(help);
  });
});
