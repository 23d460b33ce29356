import { createNames } from "../../local-aws/gateway/names.ts";
import type { RegisteredInstance } from "../../local-aws/local-aws.ts";
import type { PlayedTask } from "../../local-aws/runtimes/tasks/task.ts";

const old: RegisteredInstance = { taskId: "old", address: "127.77.0.1", healthy: true };
const young: RegisteredInstance = { taskId: "young", address: "127.77.0.2", healthy: true };

function world(overlapSeconds = 0) {
  let registered: readonly RegisteredInstance[] = [old, young];
  const tasks = new Map(["old", "young"].map((id) => [id, { leaving: false, passing: true } as PlayedTask]));
  const aws = { resolve: (name: string) => (name === "code.deal-flow.local" ? registered : null) };
  const names = createNames({ aws, tasks, policy: "oldest", overlapSeconds });
  return {
    names,
    tasks,
    met: () => names.resolve("code.deal-flow.local"),
    register: (...instances: readonly RegisteredInstance[]) => {
      registered = instances;
    },
  };
}

test("a name of nobody's is not ours to answer", () => {
  expect(world().names.resolve("example.com")).toEqual({ kind: "elsewhere" });
});

test("the policy says which of several tasks is met", () => {
  const { names, met } = world();
  expect(met()).toEqual({ kind: "address", address: old.address });
  names.policy = "newest";
  expect(met()).toEqual({ kind: "address", address: young.address });
  names.policy = "random";
  const answers = new Set(Array.from({ length: 200 }, () => JSON.stringify(met())));
  expect(answers.size).toBe(2);
});

test("a task that is not healthy is met by nobody", () => {
  const { met, register } = world();
  register({ ...old, healthy: false });
  expect(met()).toEqual({ kind: "nobody" });
});

test("a task that has not passed its checks yet is met by nobody", () => {
  const { met, names, tasks } = world();
  names.policy = "newest";
  tasks.set("young", { leaving: false, passing: false } as PlayedTask);
  expect(met()).toEqual({ kind: "address", address: old.address });
});

test("without an overlap a task is met no longer than it is registered", () => {
  const { met, register } = world();
  met();
  register(young);
  expect(met()).toEqual({ kind: "address", address: young.address });
});

test("with an overlap a task that was met is met until it leaves", () => {
  const { met, register, tasks } = world(5);
  met();
  register(young);
  expect(met()).toEqual({ kind: "address", address: old.address });
  tasks.set("old", { leaving: true } as PlayedTask);
  expect(met()).toEqual({ kind: "address", address: young.address });
});
