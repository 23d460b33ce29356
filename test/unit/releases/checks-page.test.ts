import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { parameterArn, secretArn } from "../../../src/aws/arn.ts";
import { checkIds, type Finding, type Level } from "../../../src/domain/finding.ts";
import { isMap, type Json, type JsonMap } from "../../../src/domain/json.ts";
import { locationKey } from "../../../src/domain/identifiers.ts";
import type { Instigator } from "../../../src/domain/instigators.ts";
import type { Release } from "../../../src/domain/release.ts";
import type { Inputs } from "../../../src/images/content-key.ts";
import { parseLock } from "../../../src/images/lock.ts";
import type { ImagePlan } from "../../../src/images/plan.ts";
import type { RolloutSettings } from "../../../src/deployments/service.ts";
import { checkServices } from "../../../src/releases/checks.ts";
import { checkCodeVersions } from "../../../src/releases/code-versions.ts";
import { checkInstance } from "../../../src/releases/instance-checks.ts";
import { readInstanceFile } from "../../../src/releases/observe/instance.ts";
import { checkState } from "../../../src/releases/state-checks.ts";
import type { TargetGroupFacts } from "../../../src/releases/verify/facts.ts";
import { judgeNeeds } from "../../../src/releases/verify/judge.ts";
import { keyOf, type Needed, needsOfDefinition, needsOfWebserver } from "../../../src/releases/verify/needs.ts";
import { findings } from "../../../src/stack/index.ts";
import { readYaml } from "../../../src/stack/yaml.ts";
import { type Balanced, unbalanced } from "../../../src/task-definitions/balanced.ts";
import { faultsOf, type Purpose } from "../../../src/task-definitions/judge.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";
import { serviceOf, untouchedWorld } from "./world.ts";

const page = readFileSync("docs/checks.md", "utf8");

interface Example {
  readonly id: string;
  readonly level: Level;
  readonly of: "definition" | "verify" | "dagster.yaml" | "files" | "service" | "stack";
  readonly kind: Purpose["kind"];
  readonly isBad: boolean;
  readonly text: string;
}

/** Every example of the page, under the check that its heading names. */
const examples: readonly Example[] = page.split(/^### /m).flatMap((section) => {
  const [, id = "", level = ""] = /^`([a-z-]+)` \((\w+)\)/.exec(section) ?? [];
  return [...section.matchAll(/^```(json|yaml) (bad|good) ?([\w.-]*)\n([^]*?)^```/gm)].map(
    ([, language, word, about = "", text = ""]) => ({
      id,
      level: level as Level,
      of:
        about === "verify" || about === "files" || about === "service"
          ? about
          : language === "json"
            ? ("definition" as const)
            : about === "dagster.yaml"
              ? ("dagster.yaml" as const)
              : ("stack" as const),
      kind: (["", "dagster.yaml", "verify", "files", "service"].includes(about)
        ? "webserver"
        : about) as Purpose["kind"],
      isBad: word === "bad",
      text,
    }),
  );
});

const commands: Readonly<Record<Purpose["kind"], readonly string[]>> = {
  webserver: ["dagster-webserver", "-h", "0.0.0.0"],
  daemon: ["dagster-daemon", "run"],
  "code-location": ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "shop"],
  run: [],
  once: [],
};
const ports: Readonly<Partial<Record<Purpose["kind"], number>>> = { webserver: 3000, "code-location": 4000 };
const logConfiguration = {
  logDriver: "awslogs",
  options: { "awslogs-group": "/dagster", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "dagster" },
};

/** A definition with which nothing is wrong. */
const inOrder = (kind: Purpose["kind"]): JsonMap => ({
  family: "shop",
  networkMode: "awsvpc",
  requiresCompatibilities: ["FARGATE"],
  cpu: "512",
  memory: "1024",
  executionRoleArn: "arn:aws:iam::123456789012:role/exec",
  taskRoleArn: "arn:aws:iam::123456789012:role/task",
  containerDefinitions: [
    { name: "dagster", image: "repo@sha256:1", command: commands[kind], stopTimeout: 120, logConfiguration },
  ],
});

const purposeOf = (kind: Purpose["kind"]): Purpose => ({
  kind,
  container: "dagster",
  port: ports[kind] ?? null,
  platform: "linux/amd64",
  launches: kind === "daemon",
  locations: kind === "daemon" ? 2 : 0,
  carriesRuns: kind === "daemon",
  onFargate: false,
  commit: "0123456789abcdef0123456789abcdef01234567",
  before: null,
  judged: new Set(),
});

/** Members of the second over those of the first; null removes, and lists of structures are laid over each other one by one. */
function laidOver(base: Json | undefined, over: Json): Json {
  if (Array.isArray(over) && over.every((one: Json) => isMap(one)))
    return (over as readonly Json[]).map((one, index) =>
      laidOver(Array.isArray(base) ? (base as readonly Json[])[index] : undefined, one),
    );
  if (!isMap(over)) return over;
  const from = base !== undefined && isMap(base) ? base : {};
  const members = Object.entries(over).map(([key, value]) => [key, laidOver(from[key], value)] as const);
  const all = Object.entries({ ...from, ...Object.fromEntries(members) });
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}

const stack = {
  images: { app: { repository: "shop", layers: { base: "b" } } },
  services: {
    code: { kind: "code-location", image: "app", location: "shop", module: "m", address: "c" },
    web: { kind: "webserver", image: "app", url: "http://web" },
    daemon: { kind: "daemon", image: "app" },
  },
};

const home = { partition: "aws", region: "eu-west-1", account: "123456789012" } as const;

interface Verified {
  readonly definition?: JsonMap;
  readonly service?: { readonly targetGroups?: readonly string[]; readonly subnets?: readonly string[] };
  readonly aws: {
    readonly parameters?: readonly string[];
    readonly secrets?: Readonly<Record<string, readonly string[]>>;
    /** Who may take them on. */
    readonly roles?: Readonly<Record<string, string>>;
    readonly denied?: readonly string[];
    readonly logGroups?: readonly string[];
    readonly images?: Readonly<Record<string, readonly string[]>>;
    readonly targetGroups?: Readonly<Record<string, TargetGroupFacts>>;
    readonly openWays?: Readonly<Record<string, readonly string[]>>;
    readonly subnets?: Readonly<Record<string, number>>;
  };
}

function verified({ definition = {}, service = {}, aws }: Verified): readonly Finding[] {
  const by = "service/web";
  const content = laidOver(inOrder("webserver"), definition) as JsonMap;
  const { targetGroups = [], subnets = [] } = service;
  const needed: readonly Needed[] = [
    ...needsOfDefinition({ definition: by, content, placeOf: () => "web.json" }, home, new Set()),
    ...needsOfWebserver(
      { definition: by, content, placeOf: () => "web.json" },
      targetGroups.map((targetGroup) => ({ container: "dagster", targetGroup })),
    ),
    ...targetGroups.map((arn): Needed => ({ need: { kind: "target-group", arn }, by, where: by })),
    ...subnets.map((id): Needed => ({ need: { kind: "subnet", id }, by, where: by })),
  ];
  const roles = aws.roles ?? { exec: "ecs-tasks.amazonaws.com", task: "ecs-tasks.amazonaws.com" };
  return judgeNeeds(needed, {
    parameters: new Set((aws.parameters ?? []).map((name) => parameterArn(home, name))),
    secrets: new Map(
      Object.entries(aws.secrets ?? {}).map(([name, keys]) => [
        secretArn(home, name),
        { arn: secretArn(home, name), isDeleted: false, keys },
      ]),
    ),
    roles: new Map(
      Object.entries(roles).map(([name, trusted]) => [name, { isForTasks: trusted === "ecs-tasks.amazonaws.com" }]),
    ),
    rights: new Map(
      needed.flatMap(({ need }) =>
        need.kind === "right"
          ? [[keyOf(need), aws.denied?.includes(need.action) === true ? "implicitDeny" : "allowed"] as const]
          : [],
      ),
    ),
    logGroups: new Set(aws.logGroups ?? ["/dagster"]),
    images: new Map(Object.entries(aws.images ?? {})),
    targetGroups: new Map(
      targetGroups.flatMap((arn) => {
        const facts = aws.targetGroups?.[arn.split("/")[1] ?? ""];
        return facts === undefined ? [] : [[arn, facts] as const];
      }),
    ),
    openWays: new Map(targetGroups.map((arn) => [arn, aws.openWays?.[arn.split("/")[1] ?? ""] ?? []])),
    subnets: new Map(Object.entries(aws.subnets ?? {})),
    unlooked: new Map(),
  });
}

/** What ECS, lock files and Dagster say; what is left out is in order. */
interface Running {
  readonly balanced?: readonly Balanced[];
  readonly definition?: JsonMap;
  readonly daemon?: Partial<RolloutSettings> | null;
  readonly dagster?: Readonly<Record<string, string>>;
  readonly schedules?: Readonly<Record<string, Readonly<Record<string, "RUNNING" | "STOPPED">>>>;
}

function ofWhatRuns(example: Running): readonly { readonly id: string; readonly level: Level }[] {
  const described = stackOf(withTop(stringify(stack)), { contract: contract() });
  const { observation } = untouchedWorld(described);
  const { balanced = [], definition = {}, dagster = {}, schedules = {} } = example;
  const daemon = serviceOf("daemon", { family: "shop-daemon", revision: 1 }, 1);
  const rollout = { ...daemon.rollout, ...example.daemon };
  const services = {
    ...observation.services,
    daemon: example.daemon === null ? null : { ...daemon, rollout },
  };
  const locations = Object.fromEntries(
    Object.entries(schedules).map(([location, all]) => [
      location,
      Object.entries(all).map(([name, status]): Instigator => {
        return { repository: "__repository__", name, kind: "schedule", status, byHand: true, cursor: null };
      }),
    ]),
  );
  const taskDefinitions = Object.fromEntries(
    Object.keys(schedules).map((location) => [
      `run/${locationKey(location)}`,
      { family: "shop-run", revision: 1, contentHash: "0" },
    ]),
  );
  const current = { taskDefinitions } as unknown as Release;
  return [
    ...unbalanced(laidOver(inOrder("webserver"), definition) as JsonMap, balanced),
    ...checkServices(described, { ...observation, services }, new Set(["daemon"])),
    ...checkCodeVersions(described, ({ key }) => dagster[key] ?? null),
    ...checkState(described, { current, instigators: { locations, jobs: null, unknown: null } }, { only: null }, false),
  ];
}

async function found({ of, kind, text }: Example): Promise<readonly { readonly id: string; readonly level: Level }[]> {
  switch (of) {
    case "definition": {
      const whole = text.replace(/…(\d+)/g, (_, letters: string) => "x".repeat(Number(letters)));
      return faultsOf(laidOver(inOrder(kind), JSON.parse(whole) as Json) as JsonMap, purposeOf(kind));
    }
    case "service":
      return ofWhatRuns(JSON.parse(text) as Running);
    case "files": {
      const folder = mkdtempSync(join(tmpdir(), "instance-"));
      try {
        for (const name of parse(text) as readonly string[]) writeFileSync(join(folder, name), "telemetry: {}\n");
        const described = stackOf(withTop(stringify({ ...stack, instance: { "dagster-yaml": "dagster.yaml" } })), {
          contract: contract(),
        });
        const instanceFile = await readInstanceFile(described, folder);
        return checkInstance(described, { instanceFile, images: {} }, {});
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
    case "verify":
      return verified(JSON.parse(text) as Verified);
    case "stack":
      return findings(
        stackOf(withTop(stringify({ ...stack, ...(parse(text) as object) })), { contract: contract() }),
        "2026-11-21",
      );
    case "dagster.yaml": {
      const { tree } = readYaml(text, "dagster.yaml");
      const content = { containerDefinitions: [{ name: "daemon", environment: [{ name: "KNOWN", value: "x" }] }] };
      const described = stackOf(withTop(stringify(stack)), { contract: contract() });
      const requirements = parseLock(
        `${["sqlalchemy==2.1.9", "dagster-postgres==0.29.27"].map((pin) => `${pin} --hash=sha256:0`).join("\n")}`,
        "l",
      );
      const made = { of: {} as Inputs, lock: requirements };
      const images = { app: { made } as ImagePlan };
      return checkInstance(described, { instanceFile: { tree, others: [] }, images }, { "service/daemon": content });
    }
  }
}

test.each(examples.filter(({ isBad }) => isBad).map((one) => [one.id, one.text, one] as const))(
  "%s is found in %s",
  async (id, _, example) =>
    expect(await found(example)).toContainEqual(expect.objectContaining({ id, level: example.level })),
);

test.each(examples.filter(({ isBad }) => !isBad).map((one) => [one.id, one.text, one] as const))(
  "%s is not found in %s",
  async (id, _, example) => expect((await found(example)).filter((one) => one.id === id)).toEqual([]),
);

test.each([
  ["yes", 0],
  ["On", 0],
  ["no", 1],
  ["1", 1],
])("run monitoring that is enabled by %s, as PyYAML reads it, has %d findings", async (word, count) => {
  const text = `run_monitoring: { enabled: ${word} }`;
  const example = examples.find(({ id, of }) => id === "run-monitoring-missing" && of === "dagster.yaml");
  if (example === undefined) throw new Error("the page has no example of it");
  expect((await found({ ...example, text })).filter(({ id }) => id === example.id)).toHaveLength(count);
});

test.each(["webserver", "daemon", "code-location", "run"] as const)(
  "nothing is wrong with what examples of a %s stand in",
  (kind) => expect(faultsOf(inOrder(kind), purposeOf(kind))).toEqual([]),
);

test("every check of the page exists, and has an example of both, unless the page says why not", () => {
  for (const section of page.split(/^### /m).slice(1)) {
    const ids = [...(section.split("\n")[0] ?? "").matchAll(/`([a-z-]+)`/g)].map(([, id]) => id ?? "");
    for (const id of ids) {
      expect(checkIds).toContain(id);
      if (/No example|Said of/.test(section)) continue;
      expect({
        id,
        bad: examples.some((one) => one.id === id && one.isBad),
        good: examples.some((one) => one.id === id && !one.isBad),
      }).toEqual({ id, bad: true, good: true });
    }
  }
});

test("the page has every check that looks at definitions and at dagster.yaml", () => {
  const source = [
    "src/task-definitions/judge.ts",
    "src/releases/instance-checks.ts",
    "src/task-definitions/member-findings.ts",
    "src/releases/existing.ts",
    "src/releases/verify/judge.ts",
  ]
    .map((path) => readFileSync(path, "utf8"))
    .join("");
  const ids = [...source.matchAll(/\bid: "([a-z-]+)"/g)].map(([, id]) => id ?? "");
  expect(ids.length).toBeGreaterThan(20);
  for (const id of ids) expect(page).toContain(`\`${id}\``);
});

test("a definition that is too large is found", () => {
  const large = { ...inOrder("daemon"), family: "f".repeat(70_000) };
  expect(faultsOf(large, purposeOf("daemon"))).toContainEqual(
    expect.objectContaining({ id: "definition-too-large", level: "error" }),
  );
});

test("on Fargate, a definition that leaves out that it is for it is looked at as one that says so", () => {
  const { requiresCompatibilities: _, executionRoleArn: __, ...others } = inOrder("daemon");
  const content = { ...others, cpu: "512", memory: "8192", runtimePlatform: { cpuArchitecture: "ARM64" } };
  const idsOf = (onFargate: boolean): readonly string[] =>
    faultsOf(content, { ...purposeOf("daemon"), onFargate }).map(({ id }) => id);
  expect(idsOf(false)).toEqual([]);
  expect(idsOf(true)).toEqual(["fargate-size", "architecture-differs", "execution-role-missing"]);
});

test("files that look like further ones of the instance are named", () => {
  const text = withTop(stringify({ ...stack, instance: { "dagster-yaml": "docker/dagster.yaml" } }));
  const described = stackOf(text, { contract: contract() });
  const instanceFile = { tree: null, others: ["dagster-prod.yaml"] };
  const [first] = checkInstance(described, { instanceFile, images: {} }, {});
  expect(first).toMatchObject({ id: "instance-files-merge", level: "notice" });
});

test("neither the stack file beside dagster.yaml nor what Dagster's cloud reads looks like a further one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "instance-"));
  try {
    const described = stackOf(withTop(stringify({ ...stack, instance: { "dagster-yaml": "dagster.yaml" } })), {
      contract: contract(),
    });
    const names = ["dagster.yaml", "dagster-stack.yml", "dagster_cloud.yaml", "dagster-prod.yaml", "dagster.local.yml"];
    for (const name of names) writeFileSync(join(folder, name), "telemetry: { enabled: false }\n");
    const { others } = (await readInstanceFile(described, folder)) ?? {};
    expect(others).toEqual(["dagster-prod.yaml", "dagster.local.yml"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the nearest size that Fargate offers is one that holds what was asked for", () => {
  const size = (cpu: string, memory: string): string | undefined =>
    faultsOf({ ...inOrder("run"), cpu, memory }, purposeOf("run")).find(({ id }) => id === "fargate-size")?.fix;
  expect(size("512", "8192")).toContain('"cpu": "1024", "memory": "8192"');
  expect(size("256", "1536")).toContain('"cpu": "256", "memory": "2048"');
  expect(size("300", "700")).toContain('"cpu": "512", "memory": "1024"');
  expect(size("16384", "500000")).toContain("Use at most 122880");
});

test("ids, users, paths and what is known only later are no secrets", () => {
  const environment = ["AUTH0_CLIENT_ID", "PGUSER_NAME", "TOKEN_FILE", "SECRET_ARN", "DB_PASSWORD_PATH"].map(
    (name) => ({ name, value: "x" }),
  );
  const content = laidOver(inOrder("run"), {
    containerDefinitions: [{ environment: [...environment, { name: "API_TOKEN", value: "" }] }],
  });
  expect(faultsOf(content as JsonMap, purposeOf("run"))).toEqual([]);
});
