import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openProcessAccount, type ProcessAccount } from "../../releases/processes/account.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { type CommandResult, type Desk, runCommand, runInTerminal } from "../../runner/run-command.ts";

// One story, in its order: each test finds the stack as the one before has left it.

let account: ProcessAccount;
let desk: Desk;

beforeAll(async () => {
  account = await openProcessAccount();
  account.checkout.git("remote", "add", "origin", "git@github.com:owner/small.git");
  const { workspace, environment } = account.job(1);
  desk = { folder: workspace, environment };
});
afterAll(() => account.close());

const locations = (...words: readonly string[]): Promise<CommandResult> => runCommand(desk, ["locations", ...words]);
const file = (name = "dagster-stack.yml"): string => readFileSync(join(account.checkout.folder, name), "utf8");

const schema = JSON.parse(readFileSync("schemas/command-line.schema.json", "utf8")) as {
  readonly properties: Readonly<Record<string, object>>;
};

function documentOf(kind: string, { output }: CommandResult): Record<string, unknown> {
  const document = JSON.parse(output) as Record<string, unknown>;
  const validate = new Ajv2020({ strict: false }).compile(schema.properties[kind] ?? false);
  expect(validate(document) ? [] : validate.errors).toEqual([]);
  return document;
}

/** Calls that change something in AWS. */
async function writesOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const since = account.calls.length;
  await work();
  return account.calls
    .slice(since)
    .flatMap(({ operation }) => (/^(Get|Head|List|Describe)/.test(operation) ? [] : [operation]));
}

const server = ["--image", "code", "--module", "app.reports", "--address", "reports.small.local"];

const added =
  "reports: { kind: code-location, image: code, address: reports.small.local, module: app.reports, location: reports }";

describe("add", () => {
  test("shows the change, ends with 2 and writes nothing with --dry-run; then it writes that, and calls nobody", async () => {
    const before = file();
    const since = account.calls.length;
    const dry = await locations("add", "reports", ...server, "--dry-run");
    expect(dry).toMatchObject({ exitCode: 2, errors: "" });
    expect(dry.output).toContain(`  +   ${added}\n`);
    expect(dry.output).toContain("Nothing was written: that is done without --dry-run.");
    expect(file()).toBe(before);
    const done = await locations("add", "reports", ...server, "--json");
    expect(done).toMatchObject({ exitCode: 0, errors: "" });
    expect(documentOf("locations add", done)).toMatchObject({
      location: "reports",
      file: "dagster-stack.yml",
      changed: true,
      written: true,
      diff: expect.arrayContaining([`+   ${added}`]) as unknown,
      next: [
        expect.stringContaining("ECS service of reports"),
        expect.stringContaining("`dagster-ecs deploy` does it"),
      ],
      going: null,
      release: null,
    });
    expect(file()).toBe(before.replace("migrations:", `  ${added}\nmigrations:`));
    expect(account.calls.slice(since)).toEqual([]);
  });

  test.each([
    [["reports", ...server], "`dagster-ecs locations update reports` changes it"],
    [["more", "--module", "app.more"], "`--directory` is needed"],
    [["more", ...server, "--service", "code"], 'a service "code" already'],
    [["more", ...server, "--port", "80000"], "Option --port is a whole number, 1 to 65535"],
    [
      ["more", ...server, "--layout", "plain", "--directory", "more"],
      "Nothing was written, as the stack file would be refused",
    ],
    [["more", ...server, "--deploy"], "for a trial"],
    [["more", ...server, "--deploy", "--dry-run"], "there is nothing that `--deploy` could go on with"],
  ])("%j is refused, and nothing is written", async (words, why) => {
    const before = file();
    const result = await locations("add", ...words);
    expect(result).toMatchObject({ exitCode: 1, output: "" });
    expect(result.errors).toContain(why);
    expect(file()).toBe(before);
  });

  test("what was added goes again, and leaves the file as it was", async () => {
    const result = await locations("remove", "reports", "--yes");
    expect(result.exitCode).toBe(0);
    expect(account.checkout.git("status", "--porcelain")).toBe("");
  });
});

describe("update", () => {
  test("goes on with a deploy when that is asked for", async () => {
    const result = await locations("update", "small", "--port", "4010", "--deploy", "--allow-dirty", "--json");
    expect(result.exitCode).toBe(0);
    expect(documentOf("locations update", result)).toMatchObject({
      written: true,
      next: [],
      release: { outcome: "committed" },
    });
    expect(file()).toContain("module: app.main, port: 4010 }");
    const { current } = recordsOf(await account.rest());
    expect(current).not.toBeNull();
  }, 120_000);

  test("to what it is already writes nothing, and releases nothing", async () => {
    const words = ["update", "small", "--port", "4010", "--deploy", "--allow-dirty"];
    let result: CommandResult | null = null;
    expect(await writesOf(async () => (result = await locations(...words)))).toEqual([]);
    expect(result).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining("says that of small already") as unknown,
    });
    account.checkout.commit("Another port");
  });

  test("names what was misspelt", async () => {
    expect((await locations("update", "smal", "--port", "1")).errors).toContain("Did you mean `small`?");
    expect((await locations("update", "small", "--unset", "prot")).errors).toContain("Did you mean `port`?");
    expect((await locations("updat", "small")).errors).toContain("Did you mean `dagster-ecs locations update`?");
  });
});

describe("remove", () => {
  test("of what a gate names is refused", async () => {
    const result = await locations("remove", "small", "--yes");
    expect(result).toMatchObject({ exitCode: 1, errors: expect.stringContaining("gates.canary.location") as unknown });
    expect(account.checkout.git("status", "--porcelain")).toBe("");
    await account.checkout.write("dagster-stack.yml", file().replace("canary: { location: small, job: canary }, ", ""));
    account.checkout.commit("No canary");
  });

  test("says what goes, what stays and what waits, and changes nothing in AWS", async () => {
    const id = account.dagster.queue("small", "\u001b[2Jnightly");
    let dry: CommandResult | null = null;
    const look = async () => (dry = await locations("remove", "small", "--dry-run"));
    expect(await writesOf(look)).toEqual([]);
    expect(dry).toMatchObject({ exitCode: 2 });
    const { output } = dry as unknown as CommandResult;
    expect(output).toContain("service code, out of the stack: ECS service small-code goes on running");
    expect(output).toContain("state of its schedules and sensors");
    expect(output).toContain("its lines in log group /dagster/small");
    expect(output).toContain("A run of it is queued or under way");
    expect(output).toContain(`  ${id}: `);
    expect(output).not.toContain("\u001b");
    const json = await locations("remove", "small", "--dry-run", "--json");
    expect(documentOf("locations remove", json)).toMatchObject({
      written: false,
      going: { hosts: [], service: "small-code", objects: [], runs: [{ run: id, status: "QUEUED" }], unknown: null },
    });
    expect(account.checkout.git("status", "--porcelain")).toBe("");
  });

  test("where nobody can be asked needs --yes", async () => {
    const result = await locations("remove", "small");
    expect(result).toMatchObject({ exitCode: 1, output: "" });
    expect(result.errors).toContain("where: command line: --yes");
    expect(account.checkout.git("status", "--porcelain")).toBe("");
  });

  const question = "Take small out of dagster-stack.yml? [y/N]";
  test.each([
    ["no", "n\n", 1],
    ["nothing", "\n", 1],
    ["Ctrl-C", "\u0003", 130],
  ])("in a terminal asks, and %s leaves all as it is", async (_, answer, exitCode) => {
    const result = await runInTerminal(desk, ["locations", "remove", "small"], { interruptAt: question, answer });
    expect(result.output).toContain("A run of it is queued or under way");
    expect(result.exitCode).toBe(exitCode);
    expect(result.output).not.toContain("is written");
    expect(account.checkout.git("status", "--porcelain")).toBe("");
  });

  test("in a terminal writes the file when the answer is yes", async () => {
    const words = ["locations", "remove", "small"];
    const result = await runInTerminal(desk, words, { interruptAt: question, answer: "y\n", columns: 60 });
    expect(result.exitCode).toBe(0);
    expect(result.output).toContain("dagster-stack.yml is written.");
    expect(file()).not.toContain("location: small");
    expect(account.checkout.git("status", "--porcelain")).toBe("M dagster-stack.yml");
    account.checkout.git("checkout", "--quiet", ".");
  });
});

describe("in a repository that only publishes", () => {
  const [stack, only] = ["publish.yml", ["--stack", "publish.yml"]];

  test("what comes next is sync-dags, and what is left in S3 is removed by a command that is told", async () => {
    const contract = /^contract:\n(?: .*\n)+/m.exec(file())?.[0] ?? "";
    const ofNobody = contract.replace(/^ {2}services:\n(?: {4}.*\n)+/m, "");
    await account.checkout.write(stack, `name: small\nregion: eu-central-1\n${ofNobody}`);
    await account.checkout.write("flows/main.py", "x = 1\n");
    const result = await locations("add", "flows", "--directory", "flows", "--module", "main", ...only);
    expect(result.output).toContain(
      "Next: commit publish.yml; `dagster-ecs sync-dags flows --stack publish.yml` publishes it then.",
    );
    account.checkout.commit("Flows");
    const synced = await runCommand(desk, ["sync-dags", "flows", ...only]);
    expect(synced.exitCode).toBe(0);
    const deployed = await locations("remove", "flows", "--yes", "--deploy", "--allow-dirty", ...only);
    expect(deployed).toMatchObject({ exitCode: 1, errors: expect.stringContaining("has no services") as unknown });
    const removed = await locations("remove", "flows", "--yes", ...only);
    expect(removed.exitCode).toBe(0);
    expect(removed.output).toContain("Location flows is not published from here any more.");
    expect(removed.output).toContain("  aws s3 rm --recursive s3://deploys/dags/flows/\n");
    expect(file(stack)).not.toContain("flows");
    const { s3 } = await account.rest();
    expect([...s3.objects.keys()].filter((key) => key.startsWith("deploys/dags/flows/"))).not.toEqual([]);
  });
});

test("logs of a location are those of its code server and its runs", async () => {
  account.log.write({ group: "/dagster/small", stream: "code/code/fedcba9876543210", at: Date.now(), text: "served" });
  account.log.write({
    group: "/dagster/small",
    stream: "daemon/daemon/0edcba9876543210",
    at: Date.now(),
    text: "ticked",
  });
  for (;;) {
    const result = await locations("logs", "small", "--since", "1h", "--json");
    const { lines } = documentOf("locations logs", result) as { readonly lines: readonly { readonly text: string }[] };
    const texts = lines.map(({ text }) => text);
    expect(texts).not.toContain("ticked");
    if (texts.includes("served")) break;
  }
  const none = await locations("logs", "smal");
  expect(none).toMatchObject({ exitCode: 1, output: "" });
});
