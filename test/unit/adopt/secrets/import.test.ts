import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { wordsOfImported } from "../../../../src/adopt/secrets/explain.ts";
import type { Imported } from "../../../../src/adopt/secrets/import.ts";
import { stackFileLines } from "../../../../src/adopt/secrets/plan.ts";
import { documentOfImported } from "../../../../src/cli/importing.ts";
import { failureOf } from "../../../../src/cli/failure.ts";
import type { PlayedAccount } from "../../../releases/played/account.ts";
import { type Adopter, adopter, madeOfLayers } from "../../../releases/played/adopter.ts";
import { composed } from "../../../releases/played/composed.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { openFound } from "../../../releases/played/found.ts";
import { refusal } from "../../../releases/played/refusal.ts";
import { errorOf } from "../../../error-of.ts";
import { readPastClient } from "../../local-aws/stage.ts";

const values = ["correct horse battery", "sk-0123456789abcdefghijkl", "postgresql://app:hunter22@db/app"];
const envFile = `DAGSTER_LOGS_PG_HOST=db.example
DAGSTER_LOGS_PG_PASSWORD='${values[0]}'
OPENAI_API_KEY=${values[1]}
SYSTEM_DB_CONN_STRING="${values[2]}"
GOOGLE_SEARCH_ENGINE_ID=0123
`;
const names = ["DAGSTER_LOGS_PG_PASSWORD", "OPENAI_API_KEY", "SYSTEM_DB_CONN_STRING"];
const secret = { kind: "secret", name: "dealflow/prod" } as const;
const parameters = { kind: "parameters", path: "/dealflow/prod/" } as const;

let account: PlayedAccount;
beforeEach(async () => {
  account = await openFound(composed.services, composed.options);
  await writeFile(join(account.root, ".env.prod"), envFile);
});
afterEach(() => account.close());

const imported = (options: Parameters<Adopter["importSecrets"]>[0], who = adopter(account)): Promise<Imported> =>
  account.clock.run(who.importSecrets(options));
const kept = (): unknown => JSON.parse(account.secrets.get("dealflow/prod")?.text ?? "null");
const all = { [names[0] ?? ""]: values[0], [names[1] ?? ""]: values[1], [names[2] ?? ""]: values[2] };

/** All that people and programs are shown. */
const shown = (result: Imported): string =>
  [...wordsOfImported(result), JSON.stringify(documentOfImported(result, stackFileLines(result)))].join("\n");

test("What may be a secret is kept in one secret, and the lines for the stack file name it", async () => {
  const result = await imported({ store: secret });
  expect(kept()).toEqual(all);
  expect(result.left).toEqual(["DAGSTER_LOGS_PG_HOST", "GOOGLE_SEARCH_ENGINE_ID"]);
  expect(shown(result)).toContain(`  secrets-from:
    - { secret: "dealflow/prod", keys: [${names.join(", ")}] }`);
});

test("In SSM each is a SecureString of its own below the path", async () => {
  const result = await imported({ store: parameters });
  expect(Object.fromEntries(account.parameters)).toEqual(
    Object.fromEntries(Object.entries(all).map(([name, value]) => [`/dealflow/prod/${name}`, value])),
  );
  expect(shown(result)).toContain('    OPENAI_API_KEY: "ssm:/dealflow/prod/OPENAI_API_KEY"');
});

test.each([[secret], [parameters]])("A dry run of %j writes nothing and says the same", async (store) => {
  const dry = await imported({ store, dryRun: true });
  expect([account.secrets.size, account.parameters.size]).toEqual([0, 0]);
  const done = await imported({ store });
  expect({ ...done, isDone: false }).toEqual(dry);
});

test.each([[secret], [parameters]])("Imported into %j twice, the second time changes nothing", async (store) => {
  await imported({ store });
  const before = [new Map(account.secrets), new Map(account.parameters)];
  const again = await imported({ store });
  expect(again.variables.map(({ does }) => does)).toEqual(["same", "same", "same"]);
  expect([account.secrets, account.parameters]).toEqual(before);
});

test("Another value is not written over without a word, and with one it is; other keys stay", async () => {
  const others = { OTHER: "kept", COUNT: 3, OPENAI_API_KEY: "an older key" };
  account.secrets.set("dealflow/prod", { text: JSON.stringify(others), version: "7" });
  const error = await account.clock.run(errorOf(adopter(account).importSecrets({ store: secret })));
  expect(error).toMatchObject({ where: ".env.prod:3" });
  expect(String(error)).toContain("OPENAI_API_KEY: secret dealflow/prod has another value. Nothing was written.");
  expect(account.secrets.get("dealflow/prod")?.version).toBe("7");
  await imported({ store: secret, overwrite: ["OPENAI_API_KEY"] });
  expect(kept()).toEqual({ OTHER: "kept", COUNT: 3, ...all });
});

test("A parameter with another value is not written over without a word, and no other one is written then", async () => {
  account.parameters.set("/dealflow/prod/SYSTEM_DB_CONN_STRING", "another");
  const error = await account.clock.run(errorOf(adopter(account).importSecrets({ store: parameters })));
  expect(String(error)).toContain("SSM below /dealflow/prod/ has another value");
  expect(account.parameters.size).toBe(1);
  await imported({ store: parameters, overwrite: ["SYSTEM_DB_CONN_STRING"] });
  expect(account.parameters.get("/dealflow/prod/SYSTEM_DB_CONN_STRING")).toBe(values[2]);
});

test("A secret that infrastructure has made without a value gets one", async () => {
  account.secrets.set("dealflow/prod", { text: null, version: "0" });
  await imported({ store: secret });
  expect(kept()).toEqual(all);
});

test.each([
  ["is scheduled for deletion", { text: "{}", version: "1", isDeleted: true }],
  ["holds something else than a JSON object", { text: "hunter22 as it is", version: "1" }],
  ["holds something else than a JSON object", { text: '{"id":12345678901234567890}', version: "1" }],
])("A secret that %s is left alone", async (what, found) => {
  account.secrets.set("dealflow/prod", found);
  const error = await account.clock.run(errorOf(adopter(account).importSecrets({ store: secret })));
  expect(String(error)).toContain(what);
  expect(String(error)).not.toContain("hunter22");
  expect(account.secrets.get("dealflow/prod")).toEqual(found);
});

test("A secret that somebody changes meanwhile is not written over", async () => {
  account.secrets.set("dealflow/prod", { text: "{}", version: "1" });
  const who = adopter(account, (call, effect) => {
    // Looked at, and not written yet.
    if (call.operation === "ListTaskDefinitions")
      account.secrets.set("dealflow/prod", { text: '{"NEW":"x"}', version: "2" });
    return effect();
  });
  const error = await account.clock.run(errorOf(who.importSecrets({ store: secret })));
  expect(String(error)).toContain("was changed while it was looked at");
  expect(kept()).toEqual({ NEW: "x" });
});

test("Cut after the first parameter, a second time writes the others", async () => {
  let written = 0;
  const who = adopter(account, (call, effect) => {
    if (call.operation === "PutParameter" && (written += 1) > 1) throw refusal("AccessDeniedException", 400, "no");
    return effect();
  });
  await account.clock.run(errorOf(who.importSecrets({ store: parameters })));
  expect(account.parameters.size).toBe(1);
  const again = await imported({ store: parameters });
  expect(again.variables.map(({ does }) => does)).toEqual(["same", "create", "create"]);
  expect(account.parameters.size).toBe(3);
});

test("No value is in what is shown, nor in an error that AWS fills with it", async () => {
  const result = await imported({ store: secret, dryRun: true });
  const texts = [shown(result), JSON.stringify(result)];
  for (const value of values) {
    const who = adopter(account, (call, effect) => {
      if (!call.writes) return effect();
      throw refusal("InvalidRequestException", 400, `1 error: ${value} is not what ${value} may be`);
    });
    for (const store of [secret, parameters]) {
      const error = await account.clock.run(errorOf(who.importSecrets({ store })));
      texts.push(
        `${String(error)} ${JSON.stringify(failureOf(error, (text) => text))} ${String((error as Error).stack)}`,
      );
      expect(texts.at(-1)).toContain("(hidden) is not what (hidden) may be");
      texts.push(JSON.stringify(who.progress));
    }
  }
  for (const value of values) expect(texts.join("\n")).not.toContain(value);
});

test("Every revision that holds them is listed by its name, an inactive one and that which runs among them", async () => {
  const family = "dealflow-dagster_daemon";
  const { taskDefinition } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition: `${family}:1`,
  })) as {
    readonly taskDefinition: { readonly containerDefinitions: readonly object[] } & Readonly<Record<string, unknown>>;
  };
  const { containerDefinitions, executionRoleArn } = taskDefinition;
  const sized = {
    family,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "512",
    memory: "2048",
    executionRoleArn,
  };
  const clean = containerDefinitions.map((one) => ({ ...one, environment: [{ name: "OPENAI_API_KEY", value: "" }] }));
  await readPastClient(account.aws, "RegisterTaskDefinition", { ...sized, containerDefinitions });
  await readPastClient(account.aws, "RegisterTaskDefinition", { ...sized, containerDefinitions: clean });
  await readPastClient(account.aws, "DeregisterTaskDefinition", { taskDefinition: `${family}:2` });
  const { holders } = await imported({ store: secret, dryRun: true });
  const containers = [{ container: "dagster_daemon", names: ["DAGSTER_LOGS_PG_PASSWORD"] }];
  expect(holders.found.filter(({ revision }) => revision.startsWith(family))).toEqual([
    { revision: `${family}:2`, status: "INACTIVE", services: [], containers },
    { revision: `${family}:1`, status: "ACTIVE", services: ["small-daemon"], containers },
  ]);
  expect(holders.found).toHaveLength(4);
});

test("Where no Dagster is found that is said, and the import goes on", async () => {
  const wanted = { cluster: "small", prefix: "nothing", tag: null, cloudFormationStack: null };
  const result = await imported({ store: secret, wanted });
  expect(shown(result)).toContain("were not looked for: No service named nothing… runs Dagster");
  expect(kept()).toEqual(all);
});

test("Only those that are named are imported, also where nothing says that they are secrets", async () => {
  await imported({ store: secret, variables: ["GOOGLE_SEARCH_ENGINE_ID"] });
  expect(kept()).toEqual({ GOOGLE_SEARCH_ENGINE_ID: "0123" });
  for (const [options, what] of [
    [{ variables: ["NOWHERE"] }, "NOWHERE: no such variable in .env.prod"],
    [{ overwrite: ["DAGSTER_LOGS_PG_HOST"] }, "nothing of this name is imported"],
    [{ file: "nowhere.env" }, "nowhere.env cannot be read"],
  ] as const) {
    const error = await account.clock.run(errorOf(adopter(account).importSecrets({ store: secret, ...options })));
    expect(String(error)).toContain(what);
  }
});

test("What a store cannot take is refused before anything is written, and what is empty is told", async () => {
  await writeFile(join(account.root, ".env.prod"), `A_TOKEN=\nB_TOKEN=x1\nC_TOKEN=${"y".repeat(4097)}\n`);
  const error = await account.clock.run(errorOf(adopter(account).importSecrets({ store: parameters })));
  expect(error).toMatchObject({ where: ".env.prod:3" });
  expect(String(error)).toContain("C_TOKEN: larger than the 4096 bytes of a parameter");
  expect(account.parameters.size).toBe(0);
  const some = await imported({ store: parameters, variables: ["A_TOKEN", "B_TOKEN"] });
  expect([some.empty, [...account.parameters.keys()]]).toEqual([["A_TOKEN"], ["/dealflow/prod/B_TOKEN"]]);
  await writeFile(join(account.root, ".env.prod"), `BIG_TOKEN=${"y".repeat(65_536)}\n`);
  const large = await account.clock.run(errorOf(adopter(account).importSecrets({ store: secret })));
  expect(String(large)).toContain("larger than the 65536 bytes of a secret");
});

test("The lines for the stack file parse, and what is adopted with them keeps the secrets out of its plain text", async () => {
  await account.clock.run(adopter(account).adopt());
  const result = await imported({ store: secret });
  const path = join(account.root, "dagster-stack.yml");
  const text = await readFile(path, "utf8");
  await account.commit({ "dagster-stack.yml": `${madeOfLayers(text)}\n${stackFileLines(result).join("\n")}\n` });
  await account.clock.run(adopter(account).record());
  const { plan } = await account.clock.run(deployer(account, { run: 1 }).plan());
  const code = plan.steps.find(({ id }) => id === "register/service/daemon");
  expect(JSON.stringify(code)).toContain("dealflow/prod:DAGSTER_LOGS_PG_PASSWORD::");
  expect(JSON.stringify(code)).not.toContain(values[0]);
  expect(plan.findings.map(({ id }) => id)).not.toContain("secret-in-environment");
});
