import { help, readOptions } from "../../../scripts/local-aws/options.ts";

describe("the options of local-aws", () => {
  test("are those that the help names, with what they are when left out", () => {
    const usual = { from: ".", environment: null, secrets: null, command: null, speed: 20, exit: false };
    expect(readOptions(["--stack", "s.yml"])).toEqual({ kind: "run", options: { ...usual, stack: "s.yml" } });
    const all = ["--environment", "test", "--secrets", "s.json", "--command", "plan", "--speed", "5.5", "--exit"];
    expect(readOptions(["--from", "shop", "--stack", "s.yml", ...all])).toEqual({
      kind: "run",
      options: {
        from: "shop",
        stack: "s.yml",
        environment: "test",
        secrets: "s.json",
        command: "plan",
        speed: 5.5,
        exit: true,
      },
    });
  });

  test("give the help when it is asked for, and no AWS", () => {
    expect(readOptions(["--help"])).toEqual({ kind: "say", text: help, exitCode: 0 });
  });

  test.each([
    [[], "--stack is missing"],
    [["--stack", "s.yml", "--speed", "fast"], "--speed must be a number above 0, and is fast"],
    [["--stack", "s.yml", "--stak", "t.yml"], "Unknown option '--stak'"],
    [["--stack"], "argument missing"],
    [["--stack", "s.yml", "plan"], "Unexpected argument 'plan'"],
  ])("are refused, with what is wrong and the help: %j", (args, what) => {
    const read = readOptions(args);
    expect(read).toMatchObject({ kind: "say", exitCode: 2 });
    if (read.kind === "say") expect(read.text).toContain(what);
    if (read.kind === "say") expect(read.text).toContain(help);
  });
});
