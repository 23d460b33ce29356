import { countOf, differences } from "../../../bench/definitions/differences.ts";

const nothing = { lost: [], lostEmpty: [], changed: [], added: [] };

test("what is equal has no differences, whatever order its members and named elements are in", () => {
  const before = {
    family: "app",
    tags: [
      { key: "a", value: "1" },
      { key: "b", value: "2" },
    ],
    cpu: null,
  };
  const after = {
    tags: [
      { value: "2", key: "b" },
      { key: "a", value: "1" },
    ],
    family: "app",
  };
  expect(differences(before, after)).toEqual(nothing);
});

test("values are told by their paths: lost, changed, added, and lost without having held anything", () => {
  const before = {
    family: "app",
    volumes: [],
    containerDefinitions: [
      { name: "web", image: "a:1", environment: [{ name: "EMPTY", value: "" }], command: ["x", ""] },
    ],
  };
  const after = {
    family: "app",
    taskRoleArn: "",
    containerDefinitions: [{ name: "web", image: "a:2", environment: [{ name: "EMPTY" }], command: ["x"] }],
  };
  expect(differences(before, after)).toEqual({
    lost: ["containerDefinitions.web.environment.EMPTY.value", "containerDefinitions.web.command.1"],
    lostEmpty: ["volumes"],
    changed: ["containerDefinitions.web.image"],
    added: ["taskRoleArn"],
  });
});

test("a value that became another kind of value is changed", () => {
  expect(differences({ cpu: "256" }, { cpu: 256 })).toEqual({ ...nothing, changed: ["cpu"] });
  expect(differences({ host: {} }, { host: [] })).toEqual({ ...nothing, changed: ["host"] });
});

test("what can be lost is counted by values", () => {
  expect(countOf({ family: "app", volumes: [], containerDefinitions: [{ name: "web", command: ["a", ""] }] })).toBe(5);
});
