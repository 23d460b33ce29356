import type { Json } from "../../../src/domain/json.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import { explainChanges } from "../../../src/task-definitions/explain.ts";

const base = (container: { readonly [key: string]: Json } = {}, rest: { readonly [key: string]: Json } = {}): Json => ({
  family: "f",
  cpu: "512",
  ...rest,
  containerDefinitions: [
    {
      name: "code",
      image: "repo@sha256:1",
      environment: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ],
      ...container,
    },
  ],
});
const shown = (from: Json, to: Json): string => explainChanges(compareDefinitions(from, to))?.markdown ?? "";

test("what AWS adds, empty lists and the order of lists are no difference", () => {
  const registered = base(
    {
      cpu: 0,
      mountPoints: [],
      volumesFrom: [],
      environment: [
        { name: "B", value: "2" },
        { name: "A", value: "1" },
      ],
    },
    {
      taskDefinitionArn: "arn",
      revision: 3,
      status: "ACTIVE",
      registeredAt: "x",
      requiresAttributes: [{ name: "y" }],
      compatibilities: ["EC2"],
      volumes: [],
    },
  );
  expect(compareDefinitions(registered, base())).toEqual([]);
});

test.each<[string, Json, string]>([
  [
    "an image",
    base({ image: "repo@sha256:2" }),
    "- containers.code.image: repo@sha256:1\n+ containers.code.image: repo@sha256:2",
  ],
  ["a size", base({}, { cpu: "1024" }), "- cpu: 512\n+ cpu: 1024"],
  [
    "a variable's value, hidden",
    base({
      environment: [
        { name: "A", value: "9" },
        { name: "B", value: "2" },
      ],
    }),
    "! containers.code.environment.A: changed (values hidden)",
  ],
  [
    "a variable that goes",
    base({ environment: [{ name: "A", value: "1" }] }),
    "- containers.code.environment.B: (value hidden)",
  ],
  [
    "a secret's reference",
    base({ secrets: [{ name: "PASSWORD", valueFrom: "arn:aws:ssm:x" }] }),
    "+ containers.code.secrets.PASSWORD: arn:aws:ssm:x",
  ],
  [
    "a command with a password in it",
    base({ command: ["run", "postgresql://u:hunter2@h/d"] }),
    "+ containers.code.command: (value hidden)",
  ],
  ["a list of words", base({ command: ["a", "b"] }), '+ containers.code.command: ["a","b"]'],
])("%s is shown", (_, to, lines) => expect(shown(base(), to)).toBe(`\`\`\`diff\n${lines}\n\`\`\``));

test("no value of a variable is ever shown, but of those that we set", () => {
  const environment = [
    { name: "A", value: "visible-secret" },
    { name: "DAGSTER_CURRENT_IMAGE", value: "repo@sha256:2" },
  ];
  const text = shown(base(), base({ environment }));
  expect(text).not.toContain("visible-secret");
  expect(text).toContain("+ containers.code.environment.DAGSTER_CURRENT_IMAGE: repo@sha256:2");
});

test("a definition that did not exist is shown whole", () => {
  expect(shown(null, base({}, { cpu: "512" }))).toContain("+ containers.code.image: repo@sha256:1");
});
