import type { ContainerDefinition, TaskDefinition } from "@aws-sdk/client-ecs";
import { createArguments } from "../../local-aws/runtimes/docker/create-arguments.ts";

const creation = { image: "registry/app@sha256:1", command: ["serve", "--all"], variables: ["TOKEN"], folders: {} };
const usual = ["create", "--pull=never", "--network=host", "--no-healthcheck", "--entrypoint=serve"];

const argumentsOf = (
  definition: ContainerDefinition,
  task: TaskDefinition = {},
  more: Partial<typeof creation> = {},
): readonly string[] => createArguments(task, definition, { ...creation, ...more });

test("A container has the network of this machine, and no health check of its image", () => {
  expect(argumentsOf({})).toEqual([...usual, "--env=TOKEN", "registry/app@sha256:1", "--all"]);
});

test("Variables are named, and what they hold is no argument", () => {
  expect(argumentsOf({ environment: [{ name: "TOKEN", value: "s3cret" }] }).join(" ")).not.toContain("s3cret");
});

test.each<[string, ContainerDefinition, TaskDefinition, readonly string[]]>([
  ["the task's memory", {}, { memory: "512" }, ["--memory=512m", "--memory-swap=512m"]],
  ["its own memory, where that is less", { memory: 64 }, { memory: "512" }, ["--memory=64m", "--memory-swap=64m"]],
  ["its user", { user: "10001" }, {}, ["--user=10001"]],
  ["its folder", { workingDirectory: "/app" }, {}, ["--workdir=/app"]],
  ["a root that nobody writes", { readonlyRootFilesystem: true }, {}, ["--read-only"]],
  ["an init process", { linuxParameters: { initProcessEnabled: true } }, {}, ["--init"]],
  [
    "fewer capabilities, and more",
    { linuxParameters: { capabilities: { drop: ["ALL"], add: ["SYS_PTRACE"] } } },
    {},
    ["--cap-drop=ALL", "--cap-add=SYS_PTRACE"],
  ],
  [
    "memory as a folder",
    { linuxParameters: { tmpfs: [{ containerPath: "/tmp", size: 64 }] } },
    {},
    ["--tmpfs=/tmp:size=64m"],
  ],
  ["limits", { ulimits: [{ name: "nofile", softLimit: 1, hardLimit: 2 }] }, {}, ["--ulimit=nofile=1:2"]],
])("A container gets %s", (_what, definition, task, expected) => {
  const given = argumentsOf(definition, task).filter((one) => !usual.includes(one) && one !== "--env=TOKEN");
  expect(given.slice(0, -2)).toEqual(expected);
});

test("A container sees folders of this machine at its own paths", () => {
  expect(argumentsOf({}, {}, { folders: { "/data": "/bed/efs/fs-1" } })).toContain("--volume=/bed/efs/fs-1:/data");
});
