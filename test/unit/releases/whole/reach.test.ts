import type { ContainerDefinition, DescribeTaskDefinitionResponse } from "@aws-sdk/client-ecs";
import { UserError } from "../../../../src/domain/errors.ts";
import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { servicesByKey } from "../../../releases/played/services.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { oneImage } from "../../../releases/played/upgrade.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
afterEach(() => account.close());

const url = 'url: "http://dagster.example"';
/** Nobody outside of the VPC reaches its webserver. */
const inside = stackFile.replace(url, "address: web.small.local");
const behindLogin = stackFile.replace("gates: {", 'gates: { auth: { basic: "secret:small/gates" },');
const secret = "/aws/reference/secretsmanager/small/gates";

const deploy = async (run: number, options: DeployerOptions = {}) => {
  const who = deployer(account, { run, ...options });
  const result = await account.clock.run(who.deploy());
  await account.clock.pass(60_000);
  return { result, said: JSON.stringify(who.progress) };
};

const containerOf = async (name: string): Promise<ContainerDefinition | undefined> => {
  const found = await readPastClient(account.aws, "DescribeTaskDefinition", { taskDefinition: name });
  return (found as DescribeTaskDefinitionResponse).taskDefinition?.containerDefinitions?.[0];
};

test("a stack without a url is asked by one task a release, by the webserver's name, which is gone at its end", async () => {
  account = await openAccount({ stack: inside });
  expect((await deploy(1)).result.outcome).toBe("committed");
  await account.commit({ ...newCode, ...newHost });
  const { result } = await deploy(2);
  expect(result.outcome).toBe("committed");
  const gates = result.steps.filter(({ step }) => step.kind === "gate").map(({ step }) => step.id);
  expect(gates).toEqual(expect.arrayContaining(["gate/webserver/webserver", "gate/daemon/daemon"]));
  const ended = {
    url: "http://web.small.local:3000",
    login: null,
    isOpen: false,
    log: "/dagster/small webserver/webserver",
  };
  expect(account.probes).toEqual([ended, ended]);
});

test("a release that fails, and is taken back, leaves no such task", async () => {
  account = await openAccount({ stack: inside });
  await deploy(1);
  account.breakCode(await account.commit(newCode));
  await expect(deploy(2)).rejects.toThrow(ReleaseFailed);
  expect(account.probes).toHaveLength(2);
  expect(account.probes.filter(({ isOpen }) => isOpen)).toEqual([]);
});

test("a plan starts none, says so, and is what a release then does", async () => {
  account = await openAccount({ stack: inside });
  await deploy(1);
  await account.commit(newCode);
  const who = deployer(account, { run: 2 });
  const planned = await account.clock.run(who.plan());
  expect(account.probes).toHaveLength(1);
  expect(JSON.stringify(who.progress)).toContain(
    "is asked by a task in the VPC (`gates: { reach: task }`), which a plan does not start",
  );
  const releasing = deployer(account, { run: 3 });
  const approved = { hash: planned.hash, onChange: "fail" } as const;
  const result = await account.clock.run(releasing.deploy({ approved }));
  expect(result.outcome).toBe("committed");
  expect(JSON.stringify(releasing.progress)).not.toContain("state-not-noted");
});

test("a login is answered with user and password of the secret, which a plan does not read", async () => {
  account = await openAccount({ stack: behindLogin });
  account.parameters.set(secret, JSON.stringify({ username: "gates", password: "hunter2hunter2" }));
  const { result, said } = await deploy(1);
  expect(result.outcome).toBe("committed");
  expect(said).toContain('{"kind":"secret","value":"hunter2hunter2"}');
  account.parameters.delete(secret);
  await account.commit(newCode);
  const who = deployer(account, { run: 2 });
  await account.clock.run(who.plan());
  expect(JSON.stringify(who.progress)).toContain(
    "is behind a login (`gates: auth`), whose secret a plan does not read",
  );
});

test("a task is given user and password by ECS: the job neither reads nor writes them", async () => {
  account = await openAccount({ stack: inside.replace("gates: {", 'gates: { auth: { basic: "secret:small/gates" },') });
  const { result } = await deploy(1);
  expect(result.outcome).toBe("committed");
  const arn = `arn:aws:secretsmanager:${account.aws.region}:${account.aws.account}:secret:small/gates`;
  expect((await containerOf("small-once-asker"))?.secrets).toEqual([
    { name: "DAGSTER_ECS_USERNAME", valueFrom: `${arn}:username::` },
    { name: "DAGSTER_ECS_PASSWORD", valueFrom: `${arn}:password::` },
  ]);
  expect(account.probes.map(({ login }) => login)).toEqual(["secret small/gates"]);
});

test("a task, and no address, is refused before anything is looked at", async () => {
  account = await openAccount({ stack: stackFile.replace(`, ${url}`, "") });
  await expect(deploy(1)).rejects.toThrow(UserError);
  await expect(deploy(2)).rejects.toThrow("neither its name there nor a `url` is known");
});

test("the task is of the image that the webserver runs, also when nobody may start that definition any more", async () => {
  account = await openAccount({ stack: inside });
  await deploy(1);
  const running = (await servicesByKey(account.aws)).find(([key]) => key === "webserver")?.[1].taskDefinition ?? "";
  await readPastClient(account.aws, "DeregisterTaskDefinition", { taskDefinition: running });
  await account.commit(newCode);
  expect((await deploy(2)).result.outcome).toBe("committed");
  const image = (await containerOf(running))?.image;
  expect(image).toMatch(/@sha256:/);
  expect((await containerOf("small-once-asker"))?.image).toBe(image);
});

test.each([
  ["a runner", stackFile],
  ["a task", inside],
])("each task of the webserver is asked by itself, by %s, where the stack file wants it", async (_, stack) => {
  account = await openAccount({ stack: stack.replace("gates: {", "gates: { every-webserver: true,") });
  const { result } = await deploy(1);
  const gate = result.steps.find(({ step }) => step.id === "gate/webserver/webserver");
  expect(JSON.stringify(gate)).toContain("its task answers by itself");
});

test("each task of the webserver is asked by itself where a task in the VPC asks, unless the stack file says no", async () => {
  for (const [gates, words] of [
    ["gates: {", true],
    ["gates: { every-webserver: false,", false],
  ] as const) {
    account = await openAccount({ stack: inside.replace("gates: {", gates) });
    const { result } = await deploy(1);
    const gate = result.steps.find(({ step }) => step.id === "gate/webserver/webserver");
    expect(JSON.stringify(gate).includes("its task answers by itself")).toBe(words);
  }
});

test("the task is like what the webserver runs, whoever has written that, and its answers are looked for where it writes", async () => {
  account = await openAccount({ ...oneImage, stack: oneImage.stack.replace(url, "address: web.small.local") });
  await deploy(1);
  const live = "{ kind: webserver, image: code, task-definition: live";
  const adopting = oneImage.stack
    .replace(url, "address: web.small.local")
    .replace("{ kind: webserver, image: code", live);
  expect(adopting).toContain(live);
  await account.commit({ "dagster-stack.yml": adopting, "app/main.py": "VERSION = 2\n" });
  expect((await deploy(2)).result.outcome).toBe("committed");
  expect(account.probes.map(({ log }) => log)).toEqual([
    "/dagster/small webserver/webserver",
    "/dagster/small webserver/webserver",
  ]);
});
