import { mountsOf } from "../../local-aws/runtimes/tasks/task-plan.ts";

const warehouse = { name: "warehouse", efsVolumeConfiguration: { fileSystemId: "fs-1" } };
const mountPoints = [{ sourceVolume: "warehouse", containerPath: "/data/" }];

test("a container sees the file systems that its definition mounts", () => {
  expect(mountsOf({ volumes: [warehouse] }, { mountPoints })).toEqual([{ fileSystemId: "fs-1", path: "/data" }]);
  expect(mountsOf({ volumes: [warehouse] }, {})).toEqual([]);
});

test.each([
  ["a host's folder", { name: "warehouse", host: {} }],
  ["a part of a file system", { ...warehouse, efsVolumeConfiguration: { fileSystemId: "fs-1", rootDirectory: "/a" } }],
  ["another volume", { ...warehouse, name: "other" }],
])("%s is refused: it is not played", (_title, volume) => {
  expect(() => mountsOf({ volumes: [volume] }, { mountPoints })).toThrow("all that is played");
});
