import { parseStackFile } from "../../../src/stack/index.ts";
import { type Asked, at, contract, mistakesIn, stackOf, withTop } from "./reading.ts";

const known: Asked = {
  contract: contract({ efs: "fs-1", services: { web: { service: "web-1", port: 3000 } } }),
  variables: { TEAM: "data", EMPTY: "", NESTED: "${region}" },
};

/** What a value becomes. */
function becomes(value: string, asked: Asked = known): string | undefined {
  return stackOf(withTop(`environment: { X: ${JSON.stringify(value)} }`), asked).variables.environment["X"]?.value;
}

describe("a placeholder", () => {
  test.each([
    ["${account}", "123456789012"],
    ["${region}", "eu-west-1"],
    ["${environment}", "production"],
    ["${stack.name}", "shop"],
    ["${env.TEAM}", "data"],
    ["${contract.efs}", "fs-1"],
    ["${contract.bucket.name}", "stack-bucket"],
    ["${contract.services.web.port}", "3000"],
    ["${contract.network.subnets.1}", "subnet-1b"],
    ["${contract.network.public-address}", "false"],
    ["s3://${contract.bucket.name}/${stack.name}-${environment}", "s3://stack-bucket/shop-production"],
    ["no placeholder", "no placeholder"],
    ["$HOME and $(pwd) and {x}", "$HOME and $(pwd) and {x}"],
    ["$${account}", "${account}"],
    ["$$${account}", "$${account}"],
    ["$${{ x }}", "${{ x }}"],
  ])("%s stands for %s", (value, expected) => expect(becomes(value)).toBe(expected));

  test("is replaced once: what is put in is not looked at again", () => {
    expect(becomes("${env.NESTED}")).toBe("${region}");
  });

  test("is replaced in lists and nested mappings, and not in keys", () => {
    const stack = stackOf(
      withTop(`images:
  app:
    repository: "\${stack.name}/app"
    layers: { base: b, prepare: ["run \${account}"], files: [{ from: a, to: "/\${region}" }] }
placeholders: { account: "\${account}" }
tags: { "\${account}": x }
`),
      known,
    );
    expect(stack.images["app"]).toMatchObject({
      repository: "shop/app",
      building: { prepare: ["run 123456789012"], files: [{ to: "/eu-west-1" }] },
    });
    expect(stack.placeholders).toEqual({ account: "123456789012" });
    expect(stack.tags).toEqual({ "${account}": "x" });
  });

  test("knows the environment that is asked for", () => {
    const text = withTop('environment: { X: "${environment}" }\nenvironments: { staging: {} }');
    const staging = stackOf(text, { ...known, environment: "staging" });
    expect(staging.variables.environment["X"]?.value).toBe("staging");
  });

  test("in a mapping of the contract may be any but the contract's own", () => {
    const text = `name: shop
region: eu-west-1
contract:
  cluster: "\${stack.name}-\${environment}"
  network: { subnets: ["\${env.SUBNET}"], security-groups: [sg-1] }
  bucket: { name: "shop-\${account}" }
environment: { CLUSTER: "\${contract.cluster}" }
`;
    const stack = stackOf(text, { variables: { SUBNET: "subnet-9" } });
    expect(stack.contract).toMatchObject({
      cluster: "shop-production",
      network: { subnets: ["subnet-9"] },
      bucket: { name: "shop-123456789012" },
    });
    expect(stack.variables.environment["CLUSTER"]?.value).toBe("shop-production");
    const circular = text.replace("${env.SUBNET}", "${contract.cluster}");
    expect(mistakesIn(() => stackOf(circular)).map(({ what }) => what)).toEqual([
      "${contract.cluster} stands inside the contract itself.",
    ]);
  });
});

describe("a placeholder that stands for nothing", () => {
  test.each([
    ["${regoin}", "4:19 ${regoin} is not a placeholder. Did you mean ${region}? A plain ${ is written $${."],
    [
      "${HOME}",
      "4:19 ${HOME} is not a placeholder. Use one of ${account}, ${region}, ${environment}, ${stack.name}, ${contract.…}, ${env.NAME}. A plain ${ is written $${.",
    ],
    [
      "${}",
      "4:19 ${} is not a placeholder. Use one of ${account}, ${region}, ${environment}, ${stack.name}, ${contract.…}, ${env.NAME}. A plain ${ is written $${.",
    ],
    ["${account", "4:19 A placeholder is not closed. Write ${name}; for a plain ${ write $${."],
    [
      "${{ secrets.TOKEN }}",
      "4:19 `${{ … }}` means something in workflow files only; GitHub does not look into this one. Set it as an environment variable of the step (`env:`), and write ${env.NAME} here.",
    ],
  ])("%s is a mistake as soon as the file is read", (value, expected) => {
    const read = () => parseStackFile(withTop(`environment: { X: ${JSON.stringify(value)} }`), "dagster-stack.yml");
    expect(mistakesIn(read).map((problem) => `${at(problem)} ${problem.what} ${problem.fix}`)).toEqual([expected]);
  });

  test.each([
    [
      "${env.TAEM}",
      "4:19 The environment variable TAEM is not set, or is empty. Did you mean ${env.TEAM}? Set it for the step that runs this (`env:` in the workflow).",
    ],
    [
      "${env.EMPTY}",
      "4:19 The environment variable EMPTY is not set, or is empty. Set it for the step that runs this (`env:` in the workflow).",
    ],
    [
      "${env.constructor}",
      "4:19 The environment variable constructor is not set, or is empty. Set it for the step that runs this (`env:` in the workflow).",
    ],
    [
      "${contract.buket.name}",
      '4:19 ${contract.buket.name} stands for nothing: contract has no "buket". Did you mean `bucket`?',
    ],
    [
      "${contract.efs.id}",
      '4:19 ${contract.efs.id} stands for nothing: contract.efs has no "id". `contract.efs` has no keys.',
    ],
    [
      "${contract.database.host}",
      '4:19 ${contract.database.host} stands for nothing: contract has no "database". Use one of `schema`, `cluster`, `network`, `bucket`, `roles`, `services`, `name-ttl-seconds`, `efs`.',
    ],
    [
      "${contract.bucket}",
      "4:19 ${contract.bucket} stands for a mapping, not for one value. Use one of ${contract.bucket.name}, ${contract.bucket.prefix}.",
    ],
    [
      "${contract.network.subnets}",
      "4:19 ${contract.network.subnets} stands for a list, not for one value. Use one of ${contract.network.subnets.0}, ${contract.network.subnets.1}.",
    ],
  ])("%s is a mistake when the stack is resolved", (value, expected) => {
    const problems = mistakesIn(() => becomes(value));
    expect(problems.map((problem) => `${at(problem)} ${problem.what} ${problem.fix}`)).toEqual([expected]);
  });

  test("all of them are told at once", () => {
    const text = withTop('environment: { A: "${env.A}", B: "${env.B} ${contract.x}" }');
    expect(mistakesIn(() => stackOf(text, known))).toHaveLength(3);
  });

  test.each([
    ['name: "${env.TEAM}"\nregion: eu-west-1\ncontract: ssm:/x\n', "name cannot hold a placeholder."],
    ['name: shop\nregion: "${env.REGION}"\ncontract: ssm:/x\n', "region cannot hold a placeholder."],
    [
      withTop('environments: { staging: { region: "${env.REGION}" } }'),
      "environments.staging.region cannot hold a placeholder.",
    ],
  ])("name and region are written out: %j", (text, expected) => {
    expect(mistakesIn(() => parseStackFile(text, "dagster-stack.yml")).map(({ what }) => what)).toEqual([expected]);
  });
});

describe("what a text with a placeholder looks like", () => {
  const text = withTop('volumes: { v: { efs: "${env.EFS}" } }\nsecrets: { A: "${env.REFERENCE}" }');

  test("is judged when the placeholder is replaced", () => {
    const variables = { EFS: "fs-1", REFERENCE: "ssm:/shop/a" };
    expect(stackOf(text, { ...known, variables }).variables.secrets["A"]?.secret).toEqual({
      kind: "parameter",
      name: "/shop/a",
    });
  });

  test("and then at the place where it is written, without telling what was put in", () => {
    const problems = mistakesIn(() => stackOf(text, { ...known, variables: { EFS: "fs-1", REFERENCE: "hunter2" } }));
    expect(problems.map((problem) => `${at(problem)} ${problem.what}`)).toEqual([
      "5:15 secrets.A must be a secret's reference: ssm:/path, secret:name or secret:name#key.",
    ]);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });
});
