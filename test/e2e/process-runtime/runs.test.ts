import * as z from "zod";
import { imageUri } from "./definitions.ts";
import { deployAll, type Stack, startStack, until } from "./stack.ts";

const reportSchema = z.object({ release: z.string(), image: z.string(), foreign: z.array(z.string()) });

describe("a run that EcsRunLauncher starts as its own task", () => {
  let stack: Stack;
  let digest: string;

  beforeAll(async () => {
    stack = await startStack();
    digest = await deployAll(stack, { release: "a constant in the code" });
  });

  afterAll(() => stack.bed.close());

  test.each(["canary", "parallel"])(
    "%s succeeds on the code of its digest, with no module from elsewhere",
    async (job) => {
      const told = (await reports(stack)).length;
      const run = await stack.launch(job);
      const status = await until(
        () => stack.runStatus(run),
        (status) => status === "SUCCESS" || status === "FAILURE",
      );
      const lines = await stack.logs("deal-flow-run");
      expect({ status, lines: status === "SUCCESS" ? [] : lines.slice(-30) }).toEqual({ status: "SUCCESS", lines: [] });
      const all = await until(
        () => reports(stack),
        ({ length }) => length > told,
      );
      expect(all.slice(told)).toEqual([
        { release: "a constant in the code", image: imageUri(stack.infrastructure, digest), foreign: [] },
      ]);
    },
    120_000,
  );

  test("is launched by the daemon's role, with the metadata that the daemon's task has", () => {
    const launched = stack.bed.calls.filter(({ operation }) => operation === "RunTask");
    expect(launched.map(({ caller, status }) => ({ caller, status }))).toEqual([
      { caller: "deal-flow-daemon", status: 200 },
      { caller: "deal-flow-daemon", status: 200 },
    ]);
    expect(stack.bed.calls).toContainEqual(
      expect.objectContaining({ operation: "DescribeNetworkInterfaces", status: 200 }),
    );
  });

  test("fails when the daemon is denied to start tasks, and says so", async () => {
    const takeAway = stack.bed.aws.faults.inject({
      on: "ecs:RunTask",
      caller: "deal-flow-daemon",
      what: { kind: "access-denied" },
    });
    const run = await stack.launch("canary");
    const status = await until(
      () => stack.runStatus(run),
      (status) => status === "SUCCESS" || status === "FAILURE",
    );
    takeAway();
    expect(status).toBe("FAILURE");
    await until(
      () => stack.logs("deal-flow-daemon"),
      (lines) => lines.some((line) => line.includes("AccessDeniedException")),
    );
  });
});

/** What the code of the fixture says of itself when it runs. */
async function reports(stack: Stack): Promise<readonly z.infer<typeof reportSchema>[]> {
  const lines = await stack.logs("deal-flow-run");
  return lines.flatMap((line) => {
    const report = / - report (\{.*\})/.exec(line)?.[1];
    return report === undefined ? [] : [reportSchema.parse(JSON.parse(report))];
  });
}
