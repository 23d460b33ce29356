import { spawnSync } from "node:child_process";
import { answerReader } from "../../../src/gates/probe/letter.ts";
import { headersVariable, headerVariable, probeProgram } from "../../../src/gates/probe/program.ts";
import { packed } from "../../../src/tasks/packed.ts";

/** Runs the program with one header; its letter is nowhere. */
function runWith(value: string): { readonly status: number | null; readonly said: string; readonly answers: unknown } {
  const args = ["-c", packed(probeProgram), "mark", "http://127.0.0.1:1/letter", "1", "1", "http://127.0.0.1:1"];
  const { status, stdout, stderr } = spawnSync("python3", args, {
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: process.env["PATH"], [headersVariable]: '["X-Access-Token"]', [headerVariable(0)]: value },
  });
  const read = answerReader();
  const lines = stdout.split("\n").flatMap((line) => (line.startsWith("mark") ? [line.slice("mark".length)] : []));
  const answers = lines.map(read);
  return { status, said: JSON.stringify([stdout, stderr, answers]), answers };
}

test.each(["hunter2\n", "hunter2 ", "one\r\nhunter2", "hunter2é", ""])(
  "a header that cannot be sent ends it at once, by its name and not by its value: %j",
  (value) => {
    const { status, said, answers } = runWith(value);
    expect(status).toBe(1);
    expect(answers).toEqual([{ number: 0, answered: { kind: "unfit", headers: ["X-Access-Token"] } }]);
    expect(said).not.toContain("hunter2");
  },
);

test.each(["hunter2", "Bearer a\tb c", "~"])("a header that can be sent does not: %j", (value) => {
  expect(runWith(value)).toMatchObject({ status: 0, answers: [] });
});
