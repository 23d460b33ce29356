import fc from "../../properties.ts";
import { readdirSync, readFileSync } from "node:fs";
import { checkIds, type Finding } from "../../../src/domain/finding.ts";
import { findings, withLevels } from "../../../src/stack/index.ts";
import { at, contract, stackOf, withTop } from "./reading.ts";

const today = "2026-11-21";
const images =
  "images: { app: { repository: app, build: { dockerfile: D } }, big: { repository: big, build: { dockerfile: D } } }\n";
const services =
  "services: { code: { kind: code-location, image: app, location: shop, module: m, address: code }, daemon: { kind: daemon, image: app }, web: { kind: webserver, image: app } }\n";

function found(text: string, day = today): readonly Finding[] {
  return findings(stackOf(withTop(images + services + text), { contract: contract() }), day);
}

test("an environment with the contract of the top is told: it would release to its services", () => {
  const top = withTop(`${images}${services}environments: { staging: { tags: { a: b } } }`);
  const text = top.replace(/^contract:.*$/m, "contract: s3://deploys/contract.json");
  const of = (environment: string): readonly Finding[] =>
    findings(stackOf(text, { contract: contract(), environment }), today).filter(({ id }) => id === "contract-shared");
  expect(of("staging").map(({ level, where }) => [level, at({ where } as never)])).toEqual([["error", "6:17"]]);
  expect(of("production")).toEqual([]);
});

test.each([
  ["names the environment", 'contract: "s3://deploys/${environment}.json"\n', "{ tags: { a: b } }"],
  ["names the account", 'contract: "s3://deploys-${account}/contract.json"\n', "{ tags: { a: b } }"],
  ["is a parameter, which each account has of its own", "contract: ssm:/dagster/contract\n", "{ tags: { a: b } }"],
  ["is of another region", "contract: s3://deploys/contract.json\n", "{ region: eu-west-1 }"],
])("an environment whose contract %s may have another one", (_, top, overlay) => {
  const text = withTop(`${images}${services}environments: { staging: ${overlay} }`);
  const changed = text.replace(/^contract:.*\n/m, top);
  const stack = stackOf(changed, { contract: contract(), environment: "staging" });
  expect(findings(stack, today).map(({ id }) => id)).not.toContain("contract-shared");
});

describe("plain text that looks like a secret", () => {
  test.each([
    ["by its name", "DB_PASSWORD", "x"],
    ["by its name", "OPENAI_API_KEY", "x"],
    ["by its name", "SYSTEM_DB_CONN_STRING", "x"],
    ["by its form", "ENDPOINT", "postgres://user:hunter2@host/db"],
    ["by its form", "SETTING", `AKIA${"A".repeat(16)}`],
  ])("is an error %s: %s", (_name, name, value) => {
    const [finding, ...others] = found(`environment: { ${name}: "${value}" }`);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: "secret-in-environment",
      level: "error",
      where: { file: "dagster-stack.yml", line: 6 },
      what: `${name} looks like a secret in plain text.`,
    });
    expect(JSON.stringify(finding)).not.toContain("hunter2");
  });

  test.each([
    ["GOOGLE_SEARCH_ENGINE_ID", "0123"],
    ["GOOGLE_SERVICE_ACCOUNT_KEY_FILE", "/etc/key.json"],
    ["SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop"],
    ["AUTH_ENABLED", "true"],
    ["API_TOKEN", ""],
    ["DAGSTER_LOGS_PG_HOST", "x.rds.amazonaws.com"],
    ["S3_BUCKET_NAME", "omvision-io"],
  ])("is not %s: %j", (name, value) => expect(found(`environment: { ${name}: "${value}" }`)).toEqual([]));

  test("is told once where it is written, however many tasks have it", () => {
    expect(found("environment: { DB_PASSWORD: x }")).toHaveLength(1);
  });

  test("is found at the top, in services, in runs, and in an environment", () => {
    const text = withTop(`${images}environment: { A_TOKEN: x }
services: { code: { kind: code-location, image: app, location: shop, module: m, address: c, environment: { B_TOKEN: x } }, web: { kind: webserver, image: app } }
runs: { environment: { C_TOKEN: x } }
environments: { staging: { environment: { D_TOKEN: x } } }
`);
    const staging = findings(stackOf(text, { contract: contract(), environment: "staging" }), today);
    expect(
      staging
        .filter(({ id }) => id === "secret-in-environment")
        .map(({ what, where }) => [what.split(" ")[0], typeof where === "string" ? where : at({ where })]),
    ).toEqual([
      ["A_TOKEN", "5:25"],
      ["D_TOKEN", "8:52"],
      ["B_TOKEN", "6:117"],
      ["C_TOKEN", "7:33"],
    ]);
  });

  test("is none when a service takes a secret in its place", () => {
    const text = withTop(`${images}environment: { A_TOKEN: x }
services: { daemon: { kind: daemon, image: app, secrets: { A_TOKEN: "ssm:/a" } }, web: { kind: webserver, image: app, secrets: { A_TOKEN: "ssm:/a" } } }
`);
    expect(findings(stackOf(text, { contract: contract() }), today)).toEqual([]);
  });

  test("that came out of a placeholder is found too", () => {
    const text = withTop(`${images}${services}environment: { ENDPOINT: "\${env.ENDPOINT}" }`);
    const stack = stackOf(text, { contract: contract(), variables: { ENDPOINT: "redis://u:hunter2@host" } });
    expect(findings(stack, today)).toHaveLength(1);
  });
});

describe("runs that start from another image than the one that serves their code", () => {
  test("are a warning", () => {
    expect(found("runs: { image: big }")).toMatchObject([
      {
        id: "run-image",
        level: "warning",
        where: { line: 6, column: 1 },
        what: 'Runs of "shop" start from the image big; its code is served from app.',
      },
    ]);
  });

  test("are none when it is the same, or when runs live in the daemon", () => {
    expect(found("runs: { image: app }")).toEqual([]);
    expect(found("runs: { launcher: in-process }")).toEqual([]);
  });
});

describe("an exception from a check", () => {
  const text =
    "environment: { DB_PASSWORD: x }\nchecks: { secret-in-environment: { level: notice, until: 2026-11-21, reason: moving } }";

  test("holds through its last day", () => expect(found(text).map(({ level }) => level)).toEqual(["notice"]));

  test("has ended on the next day, and says so", () => {
    expect(found(text, "2026-11-22")).toMatchObject([
      {
        level: "error",
        what: "DB_PASSWORD looks like a secret in plain text. The exception for secret-in-environment ended on 2026-11-21.",
      },
    ]);
  });

  test("does not touch other checks", () => {
    expect(found(`${text}\nruns: { image: big }`).map(({ id, level }) => `${id} ${level}`)).toEqual([
      "secret-in-environment notice",
      "run-image warning",
    ]);
  });

  test("can make a check stricter, for ever", () => {
    expect(found("runs: { image: big }\nchecks: { run-image: { level: error } }", "2099-01-01")).toMatchObject([
      { id: "run-image", level: "error" },
    ]);
  });

  test("can switch a check off, with a reason and through its last day, and no other", () => {
    const off = text.replace("level: notice", "level: off");
    expect(found(`${off}\nruns: { image: big }`).map(({ id }) => id)).toEqual(["run-image"]);
    expect(found(off, "2026-11-22").map(({ id, level }) => `${id} ${level}`)).toEqual(["secret-in-environment error"]);
    expect(() => found("checks: { run-image: { level: off } }")).toThrow(
      "lowers a check, and needs `until` and `reason`",
    );
  });

  test("changes the level and nothing else, and drops or adds no finding unless it is off", () => {
    const finding = fc.record({
      id: fc.constantFrom("a", "b", "constructor"),
      level: fc.constantFrom("error" as const, "warning" as const, "notice" as const),
      where: fc.string(),
      what: fc.string(),
      fix: fc.string(),
    });
    const place = { file: "f", line: 1, column: 1 };
    fc.assert(
      fc.property(fc.array(finding), (all) => {
        const checks = { a: { place, level: "notice" as const, until: "2026-12-31", reason: "r" } };
        const changed = withLevels(all, checks, today);
        expect(changed).toEqual(all.map((one) => (one.id === "a" ? { ...one, level: "notice" } : one)));
        expect(withLevels(all, {}, today)).toEqual(all);
      }),
    );
  });
});

describe("a stack without a webserver", () => {
  const code = "services: { code: { kind: code-location, image: app, location: shop, module: m, address: code } }\n";
  const told = (text: string): readonly string[] =>
    findings(stackOf(withTop(images + code + text), { contract: contract() }), today).map(
      ({ where, what }) => `${typeof where === "string" ? where : at({ where })} ${what}`,
    );

  test.each([
    [
      "gates: { canary: { location: shop, job: canary } }",
      "6:10 The canary is started through a webserver, and the stack has none.",
    ],
    ["gates: { reach: runner }", "6:17 Gates ask Dagster through a webserver, and the stack has none."],
    ["", "5:13 Gates ask Dagster through a webserver, and the stack has none."],
  ])("%s", (text, expected) => expect(told(text)).toEqual([expected]));

  test("is no mistake of one that has no services at all", () => {
    expect(findings(stackOf(withTop(images), { contract: contract() }), today)).toEqual([]);
  });
});

describe("an instance file of the user's own", () => {
  const stackWith = (files: string, instance: string): string => `images:
  host: { repository: shop/host, layers: { base: b, files: ${files} } }
services: { daemon: { kind: daemon, image: host }, web: { kind: webserver, image: host } }
instance: ${instance}
`;
  const told = (files: string, instance: string): readonly string[] =>
    findings(stackOf(withTop(stackWith(files, instance)), { contract: contract() }), today).map(
      ({ id, where, what, fix }) => `${typeof where === "string" ? where : at({ where })} ${id}: ${what} ${fix}`,
    );

  test.each<[what: string, files: string]>([
    ["by its own name", "[{ from: docker/workspace.yaml, to: /opt/dagster/workspace.yaml }]"],
    ["into a folder", "[{ from: docker/workspace.yaml, to: /opt/dagster/ }]"],
    ["with its folder", "[{ from: docker, to: /opt/dagster }]"],
    ["with everything", "[{ from: ., to: /app }]"],
  ])("is in the image when it is copied %s", (_what, files) => {
    expect(told(files, "{ workspace: docker/workspace.yaml }")).toEqual([]);
  });

  test("that no image gets is told, once for each image", () => {
    expect(told("[{ from: docs, to: /docs }]", "{ dagster-yaml: d/dagster.yaml, workspace: docker/w.yaml }")).toEqual([
      "7:27 instance-file: Image host does not get d/dagster.yaml: none of its `files` copies it. " +
        "Add `{ from: d/dagster.yaml, to: /opt/dagster/dagster.yaml }` to images.host.layers.files.",
      "7:54 instance-file: Image host does not get docker/w.yaml: none of its `files` copies it. " +
        "Add `{ from: docker/w.yaml, to: /opt/dagster/w.yaml }` to images.host.layers.files.",
    ]);
  });

  test("that Dagster would not find under its name is told", () => {
    expect(told("[{ from: prod.yaml, to: /opt/dagster/prod.yaml }]", "{ dagster-yaml: prod.yaml }")).toEqual([
      "7:27 instance-file: Image host gets prod.yaml as /opt/dagster/prod.yaml: " +
        "Dagster reads its settings from a file called dagster.yaml only. " +
        "Write `to: /opt/dagster/dagster.yaml` in images.host.layers.files.",
    ]);
    expect(told("[{ from: prod.yaml, to: /opt/dagster/dagster.yaml }]", "{ dagster-yaml: prod.yaml }")).toEqual([]);
  });

  test("that a Dockerfile copies is not known, and not told", () => {
    const text = withTop(
      `${images}services: { web: { kind: webserver, image: app } }\ninstance: { workspace: w.yaml }`,
    );
    expect(findings(stackOf(text, { contract: contract() }), today)).toEqual([]);
  });
});

test("every finding has an id that `checks` can name, and every such id a finding", () => {
  const source = new URL("../../../src/", import.meta.url);
  const texts = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(new URL(path, source), "utf8"));
  const found = texts.flatMap((text) => [...text.matchAll(/\bid: "([a-z-]+)",\s+level\b/g)].map(([, id]) => id));
  expect(new Set(found)).toEqual(new Set(checkIds));
});

describe("a sidecar on an image that serves code", () => {
  const movedBy = (web: string, rest = ""): readonly string[] => {
    const code = "code: { kind: code-location, image: app, location: shop, module: m, address: code }";
    const text = `${images}services: { ${code}, web: { kind: webserver, image: app, url: "http://w", ${web} }${rest} }\n`;
    return findings(stackOf(withTop(text), { contract: contract() }), today)
      .filter(({ id }) => id === "sidecar-moves-host")
      .map(({ what }) => what);
  };

  test("moves a host that stays where only code changed", () => {
    expect(movedBy("sidecars: { metrics: { image: app } }")).toEqual([
      expect.stringMatching(/^Sidecar metrics runs image app, .* restarts services\.web,/),
    ]);
  });

  test.each([
    ["its image serves no code", "sidecars: { metrics: { image: big } }"],
    ["its image is from elsewhere", "sidecars: { metrics: { image: 'quay.io/p/exporter:1.2' } }"],
    ["its host moves with its image anyway", "moves-with: image, sidecars: { metrics: { image: app } }"],
    ["its host loads that code itself", "locations: [other], sidecars: { metrics: { image: app } }"],
  ])("is not told where %s", (_, web) => expect(movedBy(web)).toEqual([]));
});
