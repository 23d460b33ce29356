import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { until } from "../process-runtime/stack.ts";
import { exitOf, secret, type Tasks } from "./tasks.ts";

/**
 * What every runtime plays alike.
 * @param tasks is asked in tests only
 * @param another pushes one more image, with other contents of `constant.py`; its reference by digest
 */
export function describeTasks(tasks: () => Tasks, another: (constant: string) => Promise<string>): void {
  describe("a task", () => {
    test("runs the code of its digest, whatever its tag or its environment say", async () => {
      const other = await another("value = 'in another image'\n");
      const script = "import constant; print(constant.value)";
      const environment = [{ name: "value", value: "in the environment" }];
      const both = [tasks().image, other].map((image) =>
        tasks().run({ image, environment, command: ["python3", "-c", script] }),
      );
      const [first, second] = await Promise.all(both);
      expect(await tasks().linesOf(first)).toEqual(["in the image"]);
      expect(await tasks().linesOf(second)).toEqual(["in another image"]);
      expect(first?.containers?.[0]?.imageDigest).toBe(tasks().image.split("@")[1]);
      expect(exitOf(first)).toMatchObject({ exitCode: 0, stopCode: "EssentialContainerExited" });
    });

    test("has its image's folders to itself", async () => {
      const command = ["sh", "-c", "cat constant.py; echo mine > constant.py"];
      for (const task of [await tasks().run({ command }), await tasks().run({ command })]) {
        expect(await tasks().linesOf(task)).toEqual(["value = 'in the image'"]);
      }
    });

    test("shows its lines while it runs, and all of them once it is STOPPED", async () => {
      const script = "import time; print('begun', flush=True); time.sleep(2); [print(n) for n in range(3000)]; exit(3)";
      const task = await tasks().begin({ command: ["python3", "-c", script] });
      await until(
        () => tasks().linesOf(task),
        (lines) => lines.includes("begun"),
      );
      expect((await tasks().describe(task)).lastStatus).toBe("RUNNING");
      const stopped = await tasks().stopped(task);
      expect(exitOf(stopped)).toMatchObject({ exitCode: 3 });
      expect(await tasks().linesOf(stopped)).toHaveLength(3001);
    });

    test("gets its secrets with the execution role", async () => {
      const secrets = [{ name: "KEY", valueFrom: secret }];
      const task = await tasks().run({ secrets, command: ["sh", "-c", 'echo "$KEY"'] });
      expect(await tasks().linesOf(task)).toEqual(["from Secrets Manager"]);
      expect(tasks().bed.calls.findLast(({ operation }) => operation === "GetSecretValue")?.caller).toBe(
        "small-execution",
      );
    });
  });

  describe("a task cannot start, and has no exit code,", () => {
    test.each<[string, ContainerDefinition, RegExp]>([
      [
        "without its program",
        { command: ["nope"] },
        /^CannotStartContainerError: .*exec: "nope": executable file not found/,
      ],
      [
        "without its image",
        { image: "MISSING" },
        /^CannotPullContainerError: pull image manifest has been retried .*not found$/,
      ],
      [
        "without its secret",
        { secrets: [{ name: "X", valueFrom: secret.replace("api", "none") }] },
        /^ResourceInitializationError: unable to pull secrets .*ResourceNotFoundException/,
      ],
      [
        "without its log group",
        {
          logConfiguration: {
            logDriver: "awslogs",
            options: { "awslogs-group": "/none", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "x" },
          },
        },
        /^ResourceInitializationError: failed to validate logger args: .*The specified log group does not exist/,
      ],
    ])("%s", async (_what, definition, reason) => {
      const missing = tasks().image.replace(/@.*/, ":missing");
      const task = await tasks().run({ ...definition, ...(definition.image === "MISSING" ? { image: missing } : {}) });
      expect(exitOf(task)).toEqual({
        exitCode: undefined,
        stopCode: "TaskFailedToStart",
        reason: expect.stringMatching(reason) as unknown,
      });
    });

    test("when its execution role is denied a secret", async () => {
      const what = { kind: "access-denied" } as const;
      const takeAway = tasks().bed.aws.faults.inject({
        on: "secretsmanager:GetSecretValue",
        caller: "small-execution",
        what,
      });
      const task = await tasks().run({ secrets: [{ name: "X", valueFrom: secret }] });
      takeAway();
      expect(task.stoppedReason).toContain(
        "assumed-role/small-execution/local-aws is not authorized to perform: secretsmanager:GetSecretValue",
      );
    });
  });

  describe("a task that is stopped", () => {
    test.each<[string, ContainerDefinition, number]>([
      [
        "ends by its own exit code",
        { command: ["sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"] },
        3,
      ],
      [
        "is killed after its stop timeout",
        { stopTimeout: 2, command: ["sh", "-c", "trap '' TERM; echo up; sleep 600"] },
        137,
      ],
    ])(
      "%s",
      async (_what, definition, exitCode) => {
        const task = await tasks().begin(definition);
        await until(
          () => tasks().linesOf(task),
          (lines) => lines.includes("up"),
        );
        await tasks().stop(task, "enough");
        expect(exitOf(await tasks().stopped(task))).toEqual({ exitCode, stopCode: "UserInitiated", reason: "enough" });
      },
      30_000,
    );
  });

  describe("several containers of one task", () => {
    test("share its address", async () => {
      const task = await tasks().runContainers([
        {
          name: "client",
          command: ["python3", "-c", client],
          dependsOn: [{ containerName: "server", condition: "HEALTHY" }],
        },
        {
          name: "server",
          command: [
            "sh",
            "-c",
            "trap 'exit 3' TERM; python3 -m http.server 3000 --bind 0.0.0.0 & while :; do sleep 0.1; done",
          ],
          healthCheck: { command: ["CMD", "python3", "-c", client] },
        },
      ]);
      expect(task.containers?.map(({ name, exitCode }) => ({ name, exitCode }))).toEqual([
        { name: "client", exitCode: 0 },
        { name: "server", exitCode: 3 },
      ]);
    });

    test("wait for the one that prepares, and go on after it", async () => {
      const task = await tasks().runContainers([
        { name: "prepare", essential: false, command: ["sh", "-c", "sleep 0.3"] },
        { name: "main", command: ["true"], dependsOn: [{ containerName: "prepare", condition: "SUCCESS" }] },
      ]);
      expect(task.containers?.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      expect(task.stopCode).toBe("EssentialContainerExited");
    });

    test("do not start when the one that prepares fails", async () => {
      const task = await tasks().runContainers([
        { name: "prepare", essential: false, command: ["sh", "-c", "exit 4"] },
        { name: "main", command: ["true"], dependsOn: [{ containerName: "prepare", condition: "SUCCESS" }] },
      ]);
      expect(task.containers?.map(({ exitCode }) => exitCode)).toEqual([4, undefined]);
      expect(task.stoppedReason).toContain("failed to resolve container dependency [prepare] for target [main]");
    });
  });
}

const client = "from urllib.request import urlopen; urlopen('http://localhost:3000/')";
