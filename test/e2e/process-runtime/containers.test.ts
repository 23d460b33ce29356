import { join } from "node:path";
import { startBed } from "../../local-aws/bed.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { pushImage } from "../../local-aws/infrastructure/push.ts";
import { until } from "./stack.ts";
import { describeTasks } from "../runtimes/scenarios.ts";
import { exitOf, openTasks, type Tasks } from "../runtimes/tasks.ts";

let tasks: Tasks;

beforeAll(async () => {
  tasks = await openTasks(await startBed({ speed: 100 }));
  tasks.image = await push("first", "value = 'in the image'\n");
});

afterAll(() => tasks.bed.close());

describeTasks(
  () => tasks,
  (constant) => push("second", constant),
);

describe("a task as a process", () => {
  test("has of the machine's Python the standard library only", async () => {
    const script = "import sys; print([p for p in sys.path if 'packages' in p]); import pip";
    const task = await tasks.run({ command: ["python3", "-c", script] });
    const [path, ...trace] = await tasks.linesOf(task);
    expect(path).toBe("[]");
    expect(trace.at(-1)).toBe("ModuleNotFoundError: No module named 'pip'");
  });

  test("ends by SIGTERM, which a first process of a container would not hear", async () => {
    const task = await tasks.begin({ command: ["sh", "-c", "echo up; exec sleep 600"] });
    await until(
      () => tasks.linesOf(task),
      (lines) => lines.includes("up"),
    );
    await tasks.stop(task, "enough");
    expect(exitOf(await tasks.stopped(task))).toMatchObject({ exitCode: 143, stopCode: "UserInitiated" });
  });

  test("is refused as a code server that tells its runs where its own files are", async () => {
    const task = await tasks.run({ command: ["dagster", "api", "grpc", "-f", "x.py"] });
    expect(exitOf(task)).toEqual({
      exitCode: undefined,
      stopCode: "TaskFailedToStart",
      reason: expect.stringContaining("started with -f") as unknown,
    });
  });
});

async function push(tag: string, constant: string): Promise<string> {
  const { bed, infrastructure } = tasks;
  const content = Buffer.from(constant);
  const layer = await buildLayer(join(bed.folder, `${tag}.tar.gz`), () => [
    { kind: "file", path: "app/constant.py", executable: false, content },
  ]);
  const env = [...(infrastructure.base.settings.Env ?? []), "PYTHONPATH=/app"];
  const settings = { ...infrastructure.base.settings, Env: env, WorkingDir: "/app" };
  const repository = "small/code";
  const digest = await pushImage({ registry: bed.url, repository, tag, settings, layers: [layer] });
  return `${infrastructure.registry}/${repository}@${digest}`;
}
