import { definitionFromFile, type FileRequest } from "../../../src/task-definitions/from-file.ts";

const text = JSON.stringify({
  family: "web",
  newer: [{ than: "us" }],
  containerDefinitions: [
    { name: "web", image: "old", command: ["a=b=c", "", "0"], environment: [{ name: "A", value: "1" }] },
    { name: "side", image: "nginx", logConfiguration: { logDriver: "awslogs", options: { key: "a=b=c" } } },
  ],
});
const nothing: FileRequest = { images: {}, container: null, environment: {}, secrets: {} };
const from = (request: Partial<FileRequest>, of = text): unknown =>
  definitionFromFile(of, "web.json", { ...nothing, ...request }).content;

test("what is asked for is set, and all else stays as it stands", () => {
  const { containerDefinitions: before, ...rest } = JSON.parse(text) as {
    containerDefinitions: readonly [object, object];
  };
  expect(from({ images: { web: "new", side: "nginx:2" }, container: "web", environment: { A: "2" } })).toEqual({
    ...rest,
    containerDefinitions: [
      { ...before[0], image: "new", environment: [{ name: "A", value: "2" }] },
      { ...before[1], image: "nginx:2", environment: [{ name: "A", value: "2" }] },
    ],
  });
  expect(from({})).toEqual(JSON.parse(text));
});

test("of a definition with one container that one gets the variables", () => {
  const one = JSON.stringify({ family: "web", containerDefinitions: [{ name: "web" }] });
  expect(from({ secrets: { S: "arn:s" } }, one)).toEqual({
    family: "web",
    containerDefinitions: [{ name: "web", secrets: [{ name: "S", valueFrom: "arn:s" }] }],
  });
});

test.each<[string, Partial<FileRequest>, string]>([
  [
    "an image for a container that is not there",
    { images: { webb: "new" } },
    'web.json has no container "webb": nothing would be set in it.',
  ],
  ["a container that is not there", { container: "ap" }, 'web.json has no container "ap"'],
  ["variables for nobody", { environment: { A: "1" } }, "nothing says which of them gets the variables"],
  [
    "a name of both kinds",
    { container: "web", environment: { A: "1" }, secrets: { A: "x" } },
    "A is given as plain text and as a secret",
  ],
])("%s is refused", (_, request, what) => expect(() => from(request)).toThrow(what));
