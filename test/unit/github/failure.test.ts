import { jest } from "@jest/globals";
import { RolloutFailed } from "../../../src/domain/errors.ts";
import { type Evidence, untrusted } from "../../../src/domain/evidence.ts";
import type { Instant } from "../../../src/domain/identifiers.ts";
import { failStep } from "../../../src/github/failure.ts";

const at = "2026-11-21T10:00:00.000Z" as Instant;
const log = (text: string): Evidence => ({
  kind: "log",
  at,
  subject: "task 1b2c, container code",
  text: untrusted(text),
});
const event: Evidence = { kind: "event", at, subject: "service code", text: untrusted("(service code) is unhealthy") };

/** What the runner is told. */
function annotation(evidence: readonly Evidence[]): string {
  const exitCode = process.exitCode;
  const written: string[] = [];
  const write = jest.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  failStep(new RolloutFailed("Tasks of code:2 failed 3 times.", [], { evidence }));
  write.mockRestore();
  process.exitCode = exitCode;
  return written.join("").trimEnd();
}

describe("A rollout that failed", () => {
  const told = "::error title=The release failed::Tasks of code:2 failed 3 times.";

  test.each<[string, readonly Evidence[], string]>([
    [
      "quotes the last line of the container",
      [log("Traceback\nKeyError: 'DATABASE'\n\n"), event],
      "KeyError: 'DATABASE'",
    ],
    ["of the last container that wrote one", [log("first"), log("second"), log("\n ")], "second"],
    ["without colours", [log("\u001b[31mred\u001b[0m")], "red"],
    ["and obeys no command in it", [log("::stop-commands::x")], "\u2060::stop-commands::x"],
    ["without a password", [log("no postgresql://app:hunter22@db there")], "no (hidden)db there"],
    ["and shows the begin of a long one", [log("x".repeat(1000))], `${"x".repeat(300)}…`],
  ])("%s", (_, evidence, line) => {
    expect(annotation(evidence)).toBe(`${told}%0Alast line of task 1b2c, container code: ${line}`);
  });

  test.each<[string, readonly Evidence[]]>([
    ["nothing", []],
    ["events only", [event]],
    ["an empty log", [log("\n")]],
  ])("of which is known %s says no more", (_, evidence) => {
    expect(annotation(evidence)).toBe(told);
  });
});
