import { mountsOf } from "../../local-aws/runtimes/tasks/task-plan.ts";

const warehouse = { name: "warehouse", efsVolumeConfiguration: { fileSystemId: "fs-1" } };
const mountPoints = [{ sourceVolume: "warehouse", containerPath: "/data/" }];

test("a container sees the file systems that its definition mounts", () => {
  expect(mountsOf({ volumes: [warehouse] }, { mountPoints }, "task")).toEqual([
    { fileSystemId: "fs-1", path: "/data" },
  ]);
  expect(mountsOf({ volumes: [warehouse] }, {}, "task")).toEqual([]);
});

test.each([
  ["a host's folder", { name: "warehouse", host: { sourcePath: "/data" } }],
  ["a part of a file system", { ...warehouse, efsVolumeConfiguration: { fileSystemId: "fs-1", rootDirectory: "/a" } }],
  ["another volume", { ...warehouse, name: "other" }],
])("%s is refused: it is not played", (_title, volume) => {
  expect(() => mountsOf({ volumes: [volume] }, { mountPoints }, "task")).toThrow("all that is played");
});

test("a volume that says nothing is shared by the containers of one task, and by no other", () => {
  const of = (task: string) => mountsOf({ volumes: [{ name: "warehouse" }] }, { mountPoints }, task);
  expect(of("one")).toEqual([{ fileSystemId: "one-warehouse", path: "/data" }]);
  expect(of("one")).toEqual(of("one"));
  expect(of("two")).not.toEqual(of("one"));
});
