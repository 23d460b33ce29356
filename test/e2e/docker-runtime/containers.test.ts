import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { type Engine, importDebian, startEngine, whyNoEngine } from "../../engine.ts";
import { startBed } from "../../local-aws/bed.ts";
import { until } from "../process-runtime/stack.ts";
import { describeTasks } from "../runtimes/scenarios.ts";
import { exitOf, openTasks, type Tasks } from "../runtimes/tasks.ts";

const why = whyNoEngine();
if (why !== null) process.stderr.write(`not run: tasks as containers of an engine: ${why}\n`);
const describeEngine = why === null ? describe : describe.skip;

/** One that no layers make: something ran in it, it brings its own Python, and code that knows where it lies. */
const dockerfile = `FROM base
RUN mkdir /made && echo "made by RUN on $(python3 -c 'import sys; print(sys.executable)')" > /made/by
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY constant.py /app/
HEALTHCHECK --interval=1s CMD false
`;

describeEngine("in an engine", () => {
  let engine: Engine;
  let tasks: Tasks;

  beforeAll(async () => {
    engine = await startEngine();
    await importDebian(engine, "base");
    tasks = await openTasks(await startBed({ speed: 100, engine }));
    tasks.image = await push("first", "value = 'in the image'\n");
  }, 1_800_000); // the first time, a base is made, and buildx is compiled

  afterAll(async () => {
    await tasks.bed.close();
    await engine.close();
  });

  async function push(tag: string, constant: string): Promise<string> {
    const context = join(tasks.bed.folder, tag);
    await mkdir(context);
    await writeFile(join(context, "Dockerfile"), dockerfile);
    await writeFile(join(context, "constant.py"), constant);
    const local = `${new URL(tasks.bed.url).host}/small/code`;
    await engine.build(`${local}:${tag}`, context);
    await engine.docker("push", "--quiet", `${local}:${tag}`);
    const [, digest = ""] = (
      await engine.docker("inspect", "--format={{index .RepoDigests 0}}", `${local}:${tag}`)
    ).split("@");
    return `${tasks.infrastructure.registry}/small/code@${digest}`;
  }

  describeTasks(
    () => tasks,
    (constant) => push("second", constant),
  );

  describe("a task as a container", () => {
    test("has what its image was built with, where it was built", async () => {
      const task = await tasks.run({ command: ["cat", "/made/by"] });
      expect(await tasks.linesOf(task)).toEqual(["made by RUN on /usr/bin/python3"]);
    });

    test.each<[string, ContainerDefinition, readonly string[]]>([
      [
        "is who its definition says",
        { user: "10001:10002", command: ["sh", "-c", "id -u; id -g"] },
        ["10001", "10002"],
      ],
      [
        "writes nowhere, where its root is read-only",
        { readonlyRootFilesystem: true, command: ["sh", "-c", "touch /x 2>&1 | grep -o 'Read-only file system'"] },
        ["Read-only file system"],
      ],
      ["starts in the folder of its definition", { workingDirectory: "/made", command: ["pwd"] }, ["/made"]],
      ["has its entry point's words, too", { entryPoint: ["sh", "-c"], command: ["echo $0 said", "it"] }, ["it said"]],
      [
        "listens at its own address only",
        { environment: [{ name: "AT", value: "0.0.0.0:80" }], command: ["sh", "-c", "echo $AT | cut -d. -f1"] },
        ["127"],
      ],
    ])("%s", async (_what, definition, lines) => {
      const task = await tasks.run(definition);
      expect(await tasks.linesOf(task)).toEqual(lines);
    });

    test("is killed after its stop timeout when its first process does not listen to SIGTERM", async () => {
      const task = await tasks.begin({ stopTimeout: 2, command: ["sh", "-c", "echo up; exec sleep 600"] });
      await until(
        () => tasks.linesOf(task),
        (lines) => lines.includes("up"),
      );
      await tasks.stop(task, "enough");
      expect(exitOf(await tasks.stopped(task))).toMatchObject({ exitCode: 137, stopCode: "UserInitiated" });
    });

    test("is killed when it takes more memory than its definition gives it", async () => {
      const task = await tasks.run({ memory: 32, command: ["python3", "-c", "x = bytearray(200 * 1024 * 1024)"] });
      expect(task.containers?.[0]).toMatchObject({
        exitCode: 137,
        reason: expect.stringContaining("OutOfMemoryError") as unknown,
      });
    });

    test("cannot be pulled for a platform that its image was not made for", async () => {
      const runtimePlatform = { cpuArchitecture: process.arch === "arm64" ? "X86_64" : "ARM64" } as const;
      expect(exitOf(await tasks.run({}, { runtimePlatform }))).toEqual({
        exitCode: undefined,
        stopCode: "TaskFailedToStart",
        reason: expect.stringMatching(
          /^CannotPullContainerError: .*does not contain descriptor matching platform/,
        ) as unknown,
      });
    });

    test("is asked how it is by what its definition says, not its image", async () => {
      const healthCheck = { command: ["CMD-SHELL", "test -e /tmp/well"], interval: 5, retries: 1 };
      const command = ["sh", "-c", "sleep 1; touch /tmp/well; sleep 3; rm /tmp/well; sleep 600"];
      const task = await tasks.begin({ healthCheck, command, stopTimeout: 2 });
      const health = async (): Promise<string | undefined> => (await tasks.describe(task)).healthStatus;
      await until(health, (status) => status === "HEALTHY");
      await until(health, (status) => status === "UNHEALTHY");
      await tasks.stop(task, "enough");
      await tasks.stopped(task);
    });

    test("keeps what it writes to a file system for the next one", async () => {
      const mounted = {
        volumes: [{ name: "warehouse", efsVolumeConfiguration: { fileSystemId: "fs-1" } }],
      };
      const mountPoints = [{ sourceVolume: "warehouse", containerPath: "/data" }];
      await tasks.run({ mountPoints, command: ["sh", "-c", "echo kept > /data/x"] }, mounted);
      const next = await tasks.run({ mountPoints, command: ["cat", "/data/x"] }, mounted);
      expect(await tasks.linesOf(next)).toEqual(["kept"]);
    });

    test("leaves nothing in the engine, whether it ran or not", async () => {
      await tasks.run({ command: ["nope"] });
      const left = await until(
        () => engine.docker("ps", "--all", "--quiet"),
        (ids) => ids === "",
      );
      expect(left).toBe("");
    });
  });
});
