import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { oneImage } from "../../../releases/played/upgrade.ts";
import { errorOf } from "../../../error-of.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let runs = 0;
let first: Result;
beforeEach(async () => {
  account = await openAccount(oneImage);
  first = await act((who) => who.deploy());
});
afterEach(() => account.close());

async function act(what: (who: Deployer) => Promise<Result>): Promise<Result> {
  runs += 1;
  const result = await account.clock.run(what(deployer(account, { run: runs })));
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
  return result;
}

const describe1 = async (taskDefinition: string): Promise<object> =>
  (await readPastClient(account.aws, "DescribeTaskDefinition", { taskDefinition, include: ["TAGS"] })) as object;

/** The stack takes the definition of its code server from a file, and those of its hosts from what runs. */
const adopting = (more = ""): string =>
  oneImage.stack
    .replace("location: small, module: app.main }", `location: small, task-definition: deploy/code.json${more} }`)
    .replace("{ kind: daemon, image: code }", "{ kind: daemon, image: code, task-definition: live }")
    .replace("{ kind: webserver, image: code }", "{ kind: webserver, image: code, task-definition: live }");

async function adopt(change: (text: string) => string = (text) => text): Promise<void> {
  const text = JSON.stringify(await describe1("small-code"), null, 2);
  await account.commit({ "dagster-stack.yml": adopting(), "deploy/code.json": change(text) });
}

const rolled = ({ services }: Result): readonly string[] => services.map(({ service }) => service);
const registrations = ({ plan }: Result): readonly string[] =>
  plan.steps.flatMap(({ kind, id }) => (kind === "register" ? [id] : []));

test("definitions that say what runs register and roll nothing, however they are written", async () => {
  await adopt();
  const result = await act((who) => who.deploy());
  expect(registrations(result)).toEqual([]);
  expect(rolled(result)).toEqual([]);
});

test("what a file says more is registered as it stands, and a change of code leaves the hosts alone", async () => {
  await adopt((text) => text.replace('"family"', '"ephemeralStorage": { "sizeInGiB": 30 }, "family"'));
  expect(rolled(await act((who) => who.deploy()))).toEqual(["code"]);
  expect(await describe1("small-code")).toMatchObject({ taskDefinition: { ephemeralStorage: { sizeInGiB: 30 } } });
  await account.commit({ "app/main.py": "VERSION = 2\n" });
  expect(rolled(await act((who) => who.deploy()))).toEqual(["code"]);
  await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  expect(rolled(await act((who) => who.deploy()))).toEqual(["code", "daemon", "webserver"]);
  // Going back reads no file: the definitions are those of that release.
  expect(rolled(await act((who) => who.rollback(first.release.id)))).toEqual(["code", "daemon", "webserver"]);
});

test("tags of a file are registered beside ours", async () => {
  await adopt((text) =>
    text
      .replace('"tags": [', '"tags": [{ "key": "team", "value": "data" }, ')
      .replace('"family"', '"ephemeralStorage": { "sizeInGiB": 30 }, "family"'),
  );
  await act((who) => who.deploy());
  const { tags } = (await describe1("small-code")) as { readonly tags: readonly { readonly key: string }[] };
  expect(tags.map(({ key }) => key)).toEqual(
    expect.arrayContaining(["team", "dagster-ecs:content-hash", "dagster-ecs:stack", "dagster-ecs:release"]),
  );
});

test.each([
  ["a file that is no JSON", '{ "family": ', "deploy/code.json is not JSON"],
  [
    "a container that the file lacks",
    '{ "family": "small-code", "containerDefinitions": [] }',
    "deploy/code.json has 0 containers, and services.code does not say which of them runs Dagster.",
  ],
])("%s stops the release before anything is written", async (_, text, what) => {
  await account.commit({ "dagster-stack.yml": adopting(), "deploy/code.json": text });
  const before = account.aws.calls.length;
  runs += 1;
  const error = await account.clock.run(errorOf(deployer(account, { run: runs }).deploy()));
  expect(String(error)).toContain(what);
  const writes = account.aws.calls
    .slice(before)
    .filter(({ operation }) => /^(Register|Update|Run|Create)/.test(operation));
  expect(writes).toEqual([]);
});

describe("a definition that ECS has under a name", () => {
  const from = (source: string): string =>
    oneImage.stack.replace("location: small, module: app.main }", `location: small, task-definition: "${source}" }`);

  test.each(["by its family", "by family and revision", "by its ARN"])("is what is edited: %s", async (how) => {
    const { taskDefinition } = (await describe1("small-code")) as {
      readonly taskDefinition: { readonly revision: number; readonly taskDefinitionArn: string };
    };
    const names: Readonly<Record<string, string>> = {
      "by its family": "family:small-code",
      "by family and revision": `family:small-code:${taskDefinition.revision}`,
      "by its ARN": taskDefinition.taskDefinitionArn,
    };
    await account.commit({ "dagster-stack.yml": from(names[how] ?? "") });
    const unchanged = await act((who) => who.deploy());
    expect(registrations(unchanged)).toEqual([]);
    expect(rolled(unchanged)).toEqual([]);
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    expect(rolled(await act((who) => who.deploy()))).toEqual(["code"]);
    expect(rolled(await act((who) => who.rollback(first.release.id)))).toEqual(["code"]);
  });

  test("stays as it is where the service has a family of its own", async () => {
    const own = 'task-definition: "family:small-code", family: own-code';
    await account.commit({
      "dagster-stack.yml": from("family:small-code").replace('task-definition: "family:small-code"', own),
    });
    const before = await describe1("small-code");
    expect(rolled(await act((who) => who.deploy()))).toEqual(["code"]);
    expect(await describe1("small-code")).toEqual(before);
    expect(await describe1("own-code")).toMatchObject({ taskDefinition: { family: "own-code", revision: 1 } });
  });

  test("that is not there stops the release before anything is written", async () => {
    await account.commit({ "dagster-stack.yml": from("family:nobody") });
    const before = account.aws.calls.length;
    runs += 1;
    const error = await account.clock.run(errorOf(deployer(account, { run: runs }).deploy()));
    expect(String(error)).toContain('ECS has no task definition "nobody" in this account and region.');
    expect(account.aws.calls.slice(before).filter(({ operation }) => /^(Register|Update|Run)/.test(operation))).toEqual(
      [],
    );
  });
});
