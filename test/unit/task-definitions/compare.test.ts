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
    '+ containers.code.command: ["run","postgresql://(hidden)@h/d"]',
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

test.each<[string, { readonly [key: string]: Json }]>([
  ["a label of several lines", { dockerLabels: { note: "x\n+ containers.web.image: evil" } }],
  ["a label's name of several lines", { dockerLabels: { "x\n+ containers.web.image": "evil" } }],
  ["a line separator", { dockerLabels: { note: "x\u2028+ containers.web.image: evil\r" } }],
  ["a command's word", { command: ["x\u2028+ containers.web.image: evil"] }],
])("%s stays one line of the diff", (_, container) => {
  const lines = shown(base(), base(container)).split(/[\n\r\u2028]/);
  expect(lines).toHaveLength(3);
});

test("a definition that did not exist is shown whole", () => {
  expect(shown(null, base({}, { cpu: "512" }))).toContain("+ containers.code.image: repo@sha256:1");
});

test.each<[string, Json, Json]>([
  ["sizes in other words", base({}, { cpu: "0.5 vCPU", memory: "1 GB" }), base({}, { cpu: "512", memory: "1024" })],
  ["defaults that are written out", base({ essential: true, privileged: false, interactive: false }), base()],
  [
    "ports",
    base({ portMappings: [{ containerPort: 3000, hostPort: 3000, protocol: "tcp" }] }),
    base({ portMappings: [{ containerPort: 3000 }] }),
  ],
  [
    "the platform that is meant when none is named",
    base({}, { runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" } }),
    base(),
  ],
  ["volumes", base({}, { volumes: [{ name: "v", host: {} }] }), base({}, { volumes: [{ name: "v" }] })],
])("%s are no difference", (_, from, to) => expect(compareDefinitions(from, to)).toEqual([]));

test.each<[string, Json, Json]>([
  ["an empty word", base({ entryPoint: [""] }), base()],
  ["a label that is empty", base({ dockerLabels: { a: "" } }), base()],
  ["a variable that is empty", base({ environment: [{ name: "A", value: "" }] }), base({ environment: [] })],
  ["the order of a command", base({ command: ["a", "b"] }), base({ command: ["b", "a"] })],
  ["fault injection", base({}, { enableFaultInjection: true }), base()],
  ["a label called cpu that is 0", base({ dockerLabels: { cpu: "0" } }), base({ dockerLabels: { cpu: "1" } })],
])("%s is a difference", (_, from, to) => expect(compareDefinitions(from, to)).not.toEqual([]));

test.each<[string, { readonly [key: string]: Json }]>([
  ["an argument behind its name", { command: ["run", "--api-key", "hunter2"] }],
  ["an argument joined to its name", { command: ["run", "--password=hunter2"] }],
  ["a shell's text", { command: ["sh", "-c", "PGPASSWORD=hunter2 psql --token 'hunter2'"] }],
  ["a URL with a user", { command: ["curl", "https://hunter2@host/path"] }],
  ["a header", { healthCheck: { command: ["CMD-SHELL", "curl -H 'Authorization: Bearer hunter2' localhost"] } }],
  ["a health check's URL", { healthCheck: { command: ["CMD-SHELL", "curl http://u:hunter2@localhost"] } }],
  ["a log option", { logConfiguration: { logDriver: "splunk", options: { "splunk-token": "hunter2" } } }],
  ["a label", { dockerLabels: { "com.shop.api-key": "hunter2" } }],
  ["an entry point", { entryPoint: ["start", "--secret", "hunter2"] }],
  ["a long random word", { command: ["login", "hunter2AbCdEfGhIjKlMnOpQrStUv0"] }],
])("a secret in %s is shown to nobody, and that it differs is", (_, container) => {
  const before = JSON.parse(JSON.stringify(container).replaceAll("hunter2", "hunter1")) as {
    readonly [key: string]: Json;
  };
  for (const [from, to] of [
    [base(), base(container)],
    [base(before), base(container)],
  ] as const) {
    expect(JSON.stringify(compareDefinitions(from, to))).not.toMatch(/hunter/);
    expect(shown(from, to)).not.toMatch(/hunter/);
    expect(shown(from, to)).toMatch(/hidden/);
  }
});

test("a variable is shown when it is named, unless its value is a secret by its form", () => {
  const environment = [
    { name: "A", value: "9" },
    { name: "B", value: "postgresql://u:hunter2@h/d" },
  ];
  const changes = compareDefinitions(base(), base({ environment }), ["A", "B"]);
  expect(changes).toEqual([
    { path: ["containers", "code", "environment", "A"], from: "1", to: "9", hidden: false },
    { path: ["containers", "code", "environment", "B"], from: "2", to: "(hidden)", hidden: true },
  ]);
});

test("ordinary commands are shown as they are", () => {
  const command = [
    "dagster",
    "api",
    "grpc",
    "-h",
    "0.0.0.0",
    "-p",
    "4000",
    "-m",
    "shop.definitions",
    "--container-image",
    "$IMAGE",
  ];
  expect(shown(base(), base({ command }))).toContain(JSON.stringify(command));
  const check = ["CMD-SHELL", "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE=300 dagster-daemon liveness-check"];
  expect(shown(base(), base({ healthCheck: { command: check } }))).toContain(check[1]);
});

const entry = (name: string, value: Json = "hunter2"): Json => ({ name, value });

test.each<[string, Json]>([
  ["of a container that has a name twice", base({ environment: [entry("P"), entry("A", "hunter2"), entry("A")] })],
  ["with a member that is not known", base({ environment: [{ name: "P", value: "hunter2", since: "hunter2" }] })],
  ["that is a map", base({ environment: [entry("P", { in: ["hunter2"] })] })],
  [
    "of containers that have one name",
    { containerDefinitions: [1, 2].map(() => ({ name: "code", environment: [entry("P")] })) },
  ],
  [
    "of containers without a name",
    { containerDefinitions: [1, 2].map(() => ({ environment: [entry("P"), entry("P")] })) },
  ],
])("no value of a variable is shown %s", (_, definition) => {
  for (const changes of [compareDefinitions(null, definition), compareDefinitions(definition, base())]) {
    expect(JSON.stringify(changes)).not.toContain("hunter2");
    expect(JSON.stringify(changes)).toContain("(hidden)");
    expect(changes.some((change) => change.hidden)).toBe(true);
  }
});
