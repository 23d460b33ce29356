import type { JsonMap } from "../../../src/domain/json.ts";
import { edited } from "../../../src/task-definitions/edit.ts";
import { environmentFile, existingFile, logIn } from "../../../src/task-definitions/existing.ts";
import { withVariables } from "../../../src/task-definitions/variables.ts";
import { at, mistakesIn } from "../stack/reading.ts";

const web = { family: "web", containerDefinitions: [{ name: "web", image: "old" }] };
const read = (text: string, file = "web.json", placeholders = {}) => existingFile(text, file, placeholders);
const mistakes = (text: string, file?: string): readonly string[] =>
  mistakesIn(() => read(text, file)).map((problem) => `${at(problem)} ${problem.what} ${problem.fix}`);

describe("a definition file", () => {
  test("is JSON, or YAML by its name", () => {
    expect(read(JSON.stringify(web)).content).toEqual(web);
    expect(read(`\uFEFF${JSON.stringify(web)}`).content).toEqual(web);
    const yaml = "family: web\ncontainerDefinitions:\n  - name: web\n    image: old\n";
    expect(read(yaml, "web.yml").content).toEqual(web);
  });

  test("may be what describe-task-definition prints, with its tags", () => {
    const described = { taskDefinition: { ...web, revision: 3, status: "ACTIVE" }, tags: [{ key: "a", value: "b" }] };
    expect(read(JSON.stringify(described)).content).toEqual({ ...web, tags: [{ key: "a", value: "b" }] });
  });

  test("is refused where its text could be read in two ways, or in none", () => {
    expect(mistakes('{\n"family": "a",\n"family": "b", "containerDefinitions": []}')).toEqual([
      expect.stringContaining('The key "\\"family\\"" is written twice'),
    ]);
    expect(mistakes('{"family": "secret-text",}')).toEqual([
      expect.stringMatching(/^1:\d+ web.json is not JSON\. Mend it/),
    ]);
    expect(mistakes('{"family": "secret-text",}').join()).not.toContain("secret-text");
    expect(mistakes("family: web\ncontainerDefinitions: []\n")).toEqual([expect.stringContaining("name it .yml")]);
    expect(mistakes('{"services": []}')).toEqual([expect.stringContaining("no list `containerDefinitions`")]);
  });

  test("is never executed: a YAML file that is a program is a text", () => {
    expect(mistakes("module.exports = { family: process.exit(1) }\n", "web.yaml")).not.toEqual([]);
  });

  test("keeps what looks like a placeholder and is not declared, as shell text is", () => {
    const command = ["sh", "-c", "echo $account ${region:-x} $$HOME $accountant ${app} $app"];
    const { content, placeholders } = read(
      JSON.stringify({ ...web, containerDefinitions: [{ name: "$app", command }] }),
      "web.json",
      {
        account: "1",
        app: "shop",
      },
    );
    const [container] = content["containerDefinitions"] as readonly JsonMap[];
    expect(container).toEqual({
      name: "shop",
      command: ["sh", "-c", "echo 1 ${region:-x} $$HOME $accountant shop shop"],
    });
    expect(placeholders).toEqual(["account", "app"].sort((a, b) => placeholders.indexOf(a) - placeholders.indexOf(b)));
  });

  test("what is put in is not looked at again, and breaks no JSON", () => {
    const { content } = read(JSON.stringify({ ...web, family: "$a" }), "web.json", { a: '"$b', b: "never" });
    expect(content["family"]).toBe('"$b');
  });

  test("members that nobody knows are named with their way", () => {
    const { unknown } = read(
      JSON.stringify({
        ...web,
        cpuu: "1",
        containerDefinitions: [{ name: "a", healthcheck: {}, logConfiguration: { options: { cpuu: "x" } } }],
      }),
    );
    expect(unknown.map(({ path }) => path)).toEqual([["containerDefinitions", 0, "healthcheck"], ["cpuu"]]);
  });

  test("members of another type than ECS takes are named with their way, and with what is wanted", () => {
    const { mistyped } = read(
      JSON.stringify({
        ...web,
        cpu: 256,
        containerDefinitions: [
          { name: "a", essential: "yes", portMappings: [{ containerPort: "80" }], command: "run", cpu: 1.5 },
          { name: "b", dockerLabels: { team: 1 }, environment: { A: "1" } },
        ],
      }),
    );
    expect(mistyped.map(({ path, wanted }) => `${path.join(".")}: ${wanted}`).sort()).toEqual([
      "containerDefinitions.0.command: a list",
      "containerDefinitions.0.cpu: a whole number, without quotes",
      "containerDefinitions.0.essential: `true` or `false`, without quotes",
      "containerDefinitions.0.portMappings.0.containerPort: a whole number, without quotes",
      "containerDefinitions.1.dockerLabels.team: text, in quotes",
      "containerDefinitions.1.environment: a list",
      "cpu: text, in quotes",
    ]);
  });
});

describe("an environment file", () => {
  const file = (content: unknown) => environmentFile(JSON.stringify(content), "env.json", { env: "prod" });

  test("has the two lists of a container definition, or one of them", () => {
    expect(file({ environment: [{ name: "A", value: "$env" }] })).toMatchObject({
      environment: { A: "prod" },
      secrets: null,
    });
    expect(file({ secrets: [{ name: "B", valueFrom: "arn:x" }] })).toMatchObject({
      environment: null,
      secrets: { B: "arn:x" },
    });
  });

  test.each([
    [{}, "has neither `environment` nor `secrets`"],
    [{ enviroment: [] }, '"enviroment" has no effect here'],
    [{ environment: { A: "1" } }, "`environment` is no list"],
    [{ environment: [{ name: "A", value: 1 }] }, "environment[0] is not `name` and `value`, both texts"],
    [
      {
        environment: [
          { name: "A", value: "1" },
          { name: "A", value: "2" },
        ],
      },
      '"A" stands twice',
    ],
    [{ environment: [{ name: "A", value: "1" }], secrets: [{ name: "A", valueFrom: "x" }] }, "ECS refuses that"],
  ])("is refused when part of it has no effect: %j", (content, what) => {
    expect(mistakesIn(() => file(content)).map((problem) => problem.what)).toEqual([expect.stringContaining(what)]);
  });
});

describe("variables", () => {
  const container = {
    environment: [
      { name: "A", value: "1", note: "kept" },
      { name: "B", value: "" },
    ],
    secrets: [{ name: "S", valueFrom: "arn:s" }],
  };
  const merge = { mode: "merge", environment: null, secrets: null } as const;

  test("are set in their place, or added behind, and leave the rest of their entry", () => {
    expect(withVariables(container, [{ ...merge, environment: { A: "2", C: "3" } }])).toEqual({
      ...container,
      environment: [
        { name: "A", value: "2", note: "kept" },
        { name: "B", value: "" },
        { name: "C", value: "3" },
      ],
    });
  });

  test("of a name that stands there twice become one, where they are set, and stay as they are where not", () => {
    const twice = {
      environment: [
        { name: "A", value: "1" },
        { name: "B", value: "" },
        { name: "A", value: "2" },
      ],
    };
    expect(withVariables(twice, [{ ...merge, environment: { A: "3" } }])).toEqual({
      environment: [
        { name: "A", value: "3" },
        { name: "B", value: "" },
      ],
    });
    expect(withVariables(twice, [{ ...merge, environment: { C: "" } }])).toEqual({
      environment: [...twice.environment, { name: "C", value: "" }],
    });
  });

  test("that were secrets and become plain, or the other way round, stand in one list only", () => {
    expect(withVariables(container, [{ ...merge, environment: { S: "x" }, secrets: { B: "arn:b" } }])).toEqual({
      environment: [
        { name: "A", value: "1", note: "kept" },
        { name: "S", value: "x" },
      ],
      secrets: [{ name: "B", valueFrom: "arn:b" }],
    });
  });

  test("replace those of the container only of the list that is given", () => {
    expect(withVariables(container, [{ mode: "replace", environment: { Z: "1" }, secrets: null }])).toEqual({
      environment: [{ name: "Z", value: "1" }],
      secrets: container.secrets,
    });
  });
});

test("edits leave other containers, labels and tags as they are", () => {
  const content = {
    family: "f",
    containerDefinitions: [
      { name: "side", image: "nginx" },
      { name: "web", image: "old", dockerLabels: { own: "" } },
    ],
    tags: [
      { key: "team", value: "data" },
      { key: "env", value: "x" },
    ],
  };
  const labels = { web: { ours: "1" } };
  expect(
    edited(content, { family: null, images: { web: "new" }, variables: {}, labels, tags: { env: "prod" } }),
  ).toEqual({
    family: "f",
    containerDefinitions: [
      { name: "side", image: "nginx" },
      { name: "web", image: "new", dockerLabels: { own: "", ours: "1" } },
    ],
    tags: [
      { key: "team", value: "data" },
      { key: "env", value: "prod" },
    ],
  });
});

test("lines are found where the container's own options say", () => {
  const options = { "awslogs-group": "/g", "awslogs-stream-prefix": "p", "awslogs-region": "r" };
  expect(logIn({ logConfiguration: { logDriver: "awslogs", options } })).toEqual({
    group: "/g",
    prefix: "p",
    region: "r",
  });
  expect(logIn({ logConfiguration: { logDriver: "splunk", options } })).toBeNull();
  expect(logIn({ logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": "/g" } } })).toBeNull();
  expect(logIn({})).toBeNull();
});
