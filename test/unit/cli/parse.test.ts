import { readdirSync, readFileSync } from "node:fs";
import { messageOf, UserError } from "../../../src/domain/errors.ts";
import { adding, updating } from "../../../src/cli/locating.ts";
import { adopting } from "../../../src/cli/adopting.ts";
import { failureOf, exitCodeOf } from "../../../src/cli/failure.ts";
import { importing } from "../../../src/cli/importing.ts";
import { options } from "../../../src/cli/options.ts";
import { parse } from "../../../src/cli/parse.ts";
import { syncing } from "../../../src/cli/syncing.ts";
import { verbs } from "../../../src/cli/verbs.ts";
import { atTerminal, commands, inOptions, inOptionsOf } from "../../../src/cli/words.ts";
import { readAction } from "../../runner/run-step.ts";

const names = Object.keys(verbs);
const { timeout: _timeout, "allow-divergent": _divergent, "allow-dirty": _dirty, ...onlyOfSyncing } = syncing;

/** What was understood; or what is wrong. */
function read(...words: readonly string[]): unknown {
  try {
    const typed = parse(words, verbs);
    return typed.kind === "help" ? typed.text : typed.texts;
  } catch (error) {
    return messageOf(error);
  }
}

test("what is not given is as the action has it", async () => {
  const { inputs } = await readAction(".");
  // Of the command line alone: on a runner GitHub says the one, and the summary has the other.
  const ownOptions = ["repository", "limit", "for", "since", "follow"];
  // No workflow adopts, imports secrets, or writes into a stack file.
  const ofPeople = { ...adopting, ...importing, ...adding, ...updating, yes: null, deploy: null };
  const shared = Object.entries(options).filter(
    ([name]) => !ownOptions.includes(name) && !Object.hasOwn({ ...ofPeople, ...onlyOfSyncing }, name),
  );
  const defaults = shared.map(([name, option]) => [name, option.default]);
  expect(defaults).toEqual(shared.map(([name]) => [name, inputs[name]?.default]));
});

test("what is not given of sync-dags is as its action has it, or the stack file", async () => {
  const { inputs } = await readAction("actions/sync-dags");
  const { "dry-run": _, stack, environment, ...texts } = read("sync-dags") as Readonly<Record<string, string>>;
  expect([stack, environment]).toEqual(["dagster-stack.yml", "production"]);
  const inFile = ["location", "bucket", "directory", "layout"];
  const expected = Object.keys(texts).map((name) => [name, inFile.includes(name) ? "" : (inputs[name]?.default ?? "")]);
  expect(Object.entries(texts)).toEqual(expected);
  const notHere = ["publish", "role-to-assume", "role-session-name", "github-token"];
  expect(Object.keys(inputs).filter((name) => !notHere.includes(name) && !Object.hasOwn(texts, name))).toEqual([]);
});

test("what is not given of locations is nothing, and not the default of something else", () => {
  const { stack: _, environment: _of, name, ...texts } = read("locations", "add", "a") as Record<string, string>;
  expect(name).toBe("a");
  const given = Object.entries(texts).filter(([, text]) => text !== "" && text !== "false");
  expect(given).toEqual([["lock-timeout", "0"]]);
});

test("adopt and adopt record are two commands", () => {
  expect(read("adopt", "record", "--dry-run")).toMatchObject({ "dry-run": "true" });
  expect(read("adopt", "--cluster", "dealflow", "--location", "a=A", "--location", "b=B")).toMatchObject({
    cluster: "dealflow",
    location: "a=A\nb=B",
    force: "false",
  });
});

test.each<[readonly string[], object]>([
  [["deploy"], { environment: "production", "fail-early": "true", only: "", timeout: "30" }],
  [["deploy", "--environment=staging", "--no-fail-early"], { environment: "staging", "fail-early": "false" }],
  [["deploy", "--only", "code", "--only", "daemon"], { only: "code\ndaemon" }],
  [["sync-dags", "a", "b", "--dry-run"], { location: "a\nb", timeout: "10" }],
  [["rollback", "previous", "--dry-run"], { to: "previous", "dry-run": "true" }],
  [["rollback", "--dry-run", "previous"], { to: "previous", "dry-run": "true" }],
])("%j is understood", (words, texts) => expect(read(...words)).toMatchObject(texts));

test.each<[readonly string[], string]>([
  [["deploi"], 'There is no command "deploi".'],
  [["paln"], "Did you mean `dagster-ecs plan`?"],
  [["everything"], "fix: Give one of these: plan, deploy,"],
  [["plan", "--enviroment", "staging"], "`plan` has no option --enviroment."],
  [["plan", "--enviroment=staging"], "fix: Did you mean `--environment`? See `dagster-ecs plan --help`."],
  [["deploy", "--no-fail-erly"], "fix: Did you mean `--fail-early`?"],
  [["plan", "-x"], "`plan` has no option --x."],
  [["--json"], "No command was given."],
  [["rollback"], "`rollback` takes one argument, <to>, and 0 were given."],
  [["deploy", "now"], "`deploy` takes no argument, and 1 were given."],
  [["status", "--only", "code"], "`status` has no option --only."],
  [["plan", "--stack"], "'--stack <value>' argument missing"],
  [["deploy", "--only", ""], "`--only` is empty."],
  [["deploy", "--only=code", "--only= "], "`--only` is empty."],
  [["deploy", "--allowed-account-ids="], "`--allowed-account-ids` is empty."],
  [["deploy", "--plan-hash", ""], "`--plan-hash` is empty."],
])("%j is refused", (words, why) => expect(read(...words)).toContain(why));

test.each([[[]], [["--help"]], [["help"]], [["-h"]]])("%j tells all commands", (words) => {
  for (const name of names) expect(read(...words)).toContain(`\n  ${name}`);
});

test.each(names)("%s --help names its options, and has examples that are understood", (name) => {
  const help = String(read(...name.split(" "), "--help"));
  for (const option of verbs[name]?.options ?? []) expect(help).toMatch(new RegExp(`\n  --(no-)?${option}[ \n]`));
  for (const example of verbs[name]?.examples ?? []) {
    expect(help).toContain(`dagster-ecs ${example}`);
    const words = example.replace(/ [|>].*/, "").match(/"[^"]*"|\S+/g) ?? [];
    expect(typeof read(...words)).toBe("object");
  }
});

test.each([
  ["To go back, use `command: rollback`.", "To go back, use `dagster-ecs rollback`."],
  ["release it with `allow-divergent: true`", "release it with `--allow-divergent`"],
  ["let this step wait: `lock-timeout`", "let this step wait: `--lock-timeout`"],
  ["Name what this repository releases: input `only`.", "Name what this repository releases: `--only`."],
  ["input plan-hash", "`--plan-hash`"],
  ["the input `queued-runs: cancel` does so", "the `--queued-runs=cancel` does so"],
  ["`gates: { reach: task }` and `task-definition`", "`gates: { reach: task }` and `task-definition`"],
])("what is said of inputs is said of options: %s", (text, said) => expect(inOptions(text)).toBe(said));

test("what the stack file says is said of options only to commands that have them", () => {
  const text = "Set `layout: both`, `allow: secret-in-dags`, or input `to`.";
  expect(inOptions(text)).toBe("Set `layout: both`, `allow: secret-in-dags`, or <to>.");
  expect(inOptions(text, verbs["sync-dags"]?.options)).toBe(
    "Set `--layout=both`, `--allow=secret-in-dags`, or `--to`.",
  );
});

test("an option that means something else elsewhere is told as the command has it", () => {
  const [here, there] = [String(read("sync-dags", "--help")), String(read("deploy", "--help"))];
  expect(here).toContain("within which the version has to be loaded. [10]");
  expect(there).toContain("Minutes that the deployment of one service may take. [30]");
  expect(here).toContain("Usage: dagster-ecs sync-dags [location]… [options]");
});

const source = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && path !== "cli/words.ts")
  .map((path) => readFileSync(`src/${path}`, "utf8").replaceAll("\\`", "`"))
  .join("");

test.each(atTerminal)("what is said in a job is said otherwise at a terminal: %s", (inJob, here) => {
  expect(source).toContain(inJob);
  expect(inOptions(inJob)).toContain(inOptions(here));
  expect(inOptions(inJob)).not.toMatch(/^Give this step|role-to-assume|actions\/checkout/);
});

test("what a finding and doctor say is said of options, too", () => {
  const fix = "Commit them. For a trial, `allow-dirty: true` releases them all the same.";
  const where = { file: "dagster-stack.yml", line: 1, column: 1 };
  const finding = { id: "dirty", level: "warning", where, what: "`command: rollback`", fix } as const;
  expect(inOptionsOf(finding)).toEqual({
    ...finding,
    what: "`dagster-ecs rollback`",
    fix: "Commit them. For a trial, `--allow-dirty` releases them all the same.",
  });
  expect(names).toEqual(expect.arrayContaining([...commands]));
});

test.each([
  ["refused", 1],
  ["locked", 3],
  ["superseded", 3],
] as const)("what is %s ends with %i", (kind, code) => {
  const error = new UserError({ what: "what", fix: "fix" }, { kind });
  expect(exitCodeOf(failureOf(error, (text) => text))).toBe(code);
});
