import { UserError } from "../../../src/domain/errors.ts";
import { contractReference, parseContract, parseContractAddress, parseStackFile } from "../../../src/stack/index.ts";
import { at, contract, mistakesIn } from "./reading.ts";

const request = {
  environment: "production",
  account: "123456789012",
  region: "eu-west-1",
  variables: { TEAM: "data" },
};

function reference(text: string, environment = "production") {
  const file = parseStackFile(`name: shop\nregion: eu-west-1\n${text}`, "dagster-stack.yml");
  return contractReference(file, { ...request, environment });
}

function refused(act: () => unknown): UserError {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("where the contract is", () => {
  test.each([
    ["ssm:/dagster/shop/contract", { kind: "parameter", name: "/dagster/shop/contract" }],
    ["s3://shop-bucket/prod/contract.json", { kind: "object", bucket: "shop-bucket", key: "prod/contract.json" }],
    ['"ssm:/${env.TEAM}/${stack.name}/${environment}"', { kind: "parameter", name: "/data/shop/production" }],
    [
      '"s3://shop-${account}-${region}/c.json"',
      { kind: "object", bucket: "shop-123456789012-eu-west-1", key: "c.json" },
    ],
  ])("%s", (written, expected) => expect(reference(`contract: ${written}`)).toEqual(expected));

  test("in the file itself, with its defaults", () => {
    const text = "contract: { cluster: main, network: { like-service: web }, bucket: { name: shop-bucket } }";
    expect(reference(text)).toEqual({
      kind: "mapping",
      contract: {
        schema: 1,
        cluster: "main",
        network: { "like-service": "web" },
        bucket: { name: "shop-bucket", prefix: "" },
        roles: {},
        services: {},
        "name-ttl-seconds": 10,
      },
    });
  });

  test("is another one in each environment, and nothing of the top's is left in it", () => {
    const text = `contract: { cluster: main, network: { like-service: web }, bucket: { name: shop-bucket }, efs: fs-1 }
environments:
  staging: { contract: { cluster: staging, network: { like-service: web }, bucket: { name: shop-staging } } }
  dev: { contract: "s3://dev/\${environment}.json" }
`;
    expect(reference(text, "staging")).toMatchObject({ kind: "mapping", contract: { cluster: "staging" } });
    expect(JSON.stringify(reference(text, "staging"))).not.toContain("fs-1");
    expect(reference(text, "dev")).toEqual({ kind: "object", bucket: "dev", key: "dev.json" });
  });

  test.each([
    [
      "contract: https://example.com/contract.json",
      "3:11 contract must be the contract's address: s3://bucket/key, or ssm:/name for the parameter that holds it.",
    ],
    ["contract: [a]", "3:11 contract must be text or a mapping, and is a list."],
    ["images: {}", "1:1 The file lacks `contract`."],
    [
      "contract: { cluster: main, network: { subnet: [subnet-1], security-groups: [sg-1] }, bucket: { name: shop-bucket } }",
      '3:39 There is no key "subnet" in contract.network.',
    ],
    [
      "contract: { cluster: main, network: { subnets: [net-1], security-groups: [sg-1] }, bucket: { name: shop-bucket } }",
      "3:49 contract.network.subnets[0] must be a subnet id: subnet-….",
    ],
    [
      "contract: { cluster: main, network: { like-service: web }, bucket: { name: shop-bucket }, account: 123456789012 }",
      "3:100 contract.account must be text, and is a number.",
    ],
  ])("%s", (text, expected) => {
    const problems = mistakesIn(() => reference(text));
    expect(problems.map((problem) => `${at(problem)} ${problem.what}`)).toEqual([expected]);
  });
});

describe("the address in a parameter", () => {
  test("names an object in S3", () => {
    expect(parseContractAddress("s3://shop-bucket/dagster/contract.json\n", "ssm:/x")).toEqual({
      kind: "object",
      bucket: "shop-bucket",
      key: "dagster/contract.json",
    });
  });

  test.each(["", "shop-bucket", "s3://shop-bucket", "https://x/y", '{"cluster":"main"}'])("is not %j", (text) => {
    const error = refused(() => parseContractAddress(text, "ssm:/dagster/shop/contract"));
    expect(error.what).toBe("The parameter does not hold the contract's address.");
    expect(error.where).toBe("ssm:/dagster/shop/contract");
  });
});

describe("a contract that was fetched", () => {
  const where = "s3://shop-bucket/contract.json";

  test("is read with its defaults", () => {
    const { "name-ttl-seconds": _ttl, ...written } = contract();
    expect(parseContract(JSON.stringify(written), where)).toEqual(contract());
  });

  test("that is not JSON is refused, and not shown", () => {
    const error = refused(() => parseContract("<html>hunter2</html>", where));
    expect(error.message).toContain("The contract is not JSON.");
    expect(error.message).not.toContain("hunter2");
  });

  test("of another shape is refused with everything that is wrong with it", () => {
    const error = refused(() =>
      parseContract('{"clustr": "main", "network": {"like-service": "web"}, "bucket": {}}', where),
    );
    expect(error.where).toBe(where);
    expect(error.what).toBe(
      "The contract cannot be used. contract.bucket lacks `name`. Add it. Name of the bucket. " +
        'There is no key "clustr" in contract. Did you mean `cluster`?',
    );
  });

  test("of a newer format is refused", () => {
    const error = refused(() => parseContract(JSON.stringify({ ...contract(), schema: 2 }), where));
    expect(error.what).toContain("contract.schema must be `1`");
    expect(error.fix).toContain("docs/stack-file.md");
  });

  test.each(["null", "[]", '"text"', "3"])("%s is none", (text) => {
    expect(refused(() => parseContract(text, where)).what).toContain("contract must be a mapping");
  });
});
