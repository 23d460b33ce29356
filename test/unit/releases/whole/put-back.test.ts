import { formerDaemon, openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode } from "../../../releases/played/situations.ts";
import { replacingStack } from "../../../releases/played/stacks.ts";
import { readPastClient } from "../../local-aws/stage.ts";

/** The usual stack before it had a daemon of its own. */
const withoutDaemon = stackFile
  .replace(/ {2}daemon: \{ kind: daemon, image: host \}\n/, "")
  .replace("    daemon: { service: small-daemon }\n", "");

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount({ stack: withoutDaemon, former: true });
  await run(1, (who) => who.deploy());
});
afterEach(() => account.close());

async function run<T>(number: number, work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const isOver = (): Promise<"over"> => Promise.resolve("over");
  const result = await account.clock.run(work(deployer(account, { run: number, isOver, ...options })));
  await account.clock.pass(60_000);
  return result;
}

/** A release that takes over from the former daemon, killed before it has updated this service. */
async function cutBefore(service: string, files: Readonly<Record<string, string>> = newCode): Promise<void> {
  await account.commit({ "dagster-stack.yml": replacingStack, ...files });
  await killedBefore(
    account,
    ({ operation, about }) => operation === "UpdateService" && about === service,
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  await account.clock.pass(60_000);
}

async function daemons(): Promise<Readonly<Record<string, readonly (number | undefined)[]>>> {
  const { services = [] } = (await readPastClient(account.aws, "DescribeServices", {
    cluster: "small",
    services: [formerDaemon, "small-daemon"],
  })) as {
    readonly services?: readonly { serviceName?: string; desiredCount?: number; runningCount?: number }[];
  };
  return Object.fromEntries(
    services.map(({ serviceName = "", desiredCount, runningCount }) => [serviceName, [desiredCount, runningCount]]),
  );
}

const asBefore = { [formerDaemon]: [1, 1], "small-daemon": [0, 0] };
const inTheMiddle = { [formerDaemon]: [0, 0], "small-daemon": [0, 0] };
const takenOver = { [formerDaemon]: [0, 0], "small-daemon": [1, 1] };

const cuts = [
  ["the former daemon was stopped", "small-daemon", inTheMiddle],
  ["the new one had started", "small-webserver", takenOver],
] as const;

describe.each(cuts)("A handover that was cut when %s", (_, service, left) => {
  // The webserver moves only with something that it takes.
  const files = { ...newCode, "dagster.yaml": "telemetry: { enabled: true }\n" };

  test("is undone by going back to the release that is current", async () => {
    await cutBefore(service, files);
    expect(await daemons()).toEqual(left);
    const { outcome, plan } = await run(3, (who) => who.rollback(recordsOf(account).current?.release ?? ""));
    expect(outcome).toBe("committed");
    expect(plan.steps.at(-1)?.id).toBe(`put-back/${formerDaemon}`);
    expect(await daemons()).toEqual(asBefore);
    expect(recordsOf(account).lock?.open).toEqual([]);
    expect((await run(4, (who) => who.status())).drift).toEqual([]);
  });

  test("is undone by a commit that takes it out of the stack file again", async () => {
    await cutBefore(service, files);
    await account.commit({ "dagster-stack.yml": withoutDaemon, "app/main.py": "VERSION = 1\n" });
    const { outcome } = await run(3, (who) => who.deploy());
    expect(outcome).toBe("committed");
    expect(await daemons()).toEqual(asBefore);
  });

  test("is named, with what is to be done, to a release of other components only", async () => {
    await cutBefore(service, files);
    const partial = run(3, (who) => who.deploy(), { wishes: { only: ["code"] } });
    await expect(partial).rejects.toThrow(RegExp(`has moved (daemon|${formerDaemon}), and this one is about other`));
    expect(await daemons()).toEqual(left);
    expect(recordsOf(account).lock?.open).toHaveLength(1);
  });

  test("is gone on from by the next release that takes over", async () => {
    await cutBefore(service, files);
    await run(3, (who) => who.deploy());
    expect(await daemons()).toEqual(takenOver);
  });
});

test("A release that undoes a handover, and fails, leaves the former daemon running all the same", async () => {
  await cutBefore("small-webserver", { ...newCode, "dagster.yaml": "telemetry: { enabled: true }\n" });
  const bad = await account.commit({ "dagster-stack.yml": withoutDaemon, "app/main.py": "VERSION = 3\n" });
  account.breakCode(bad);
  const failed = run(3, (who) => who.deploy());
  await expect(failed).rejects.toThrow(/Taken back: /);
  await account.clock.pass(60_000);
  expect(await daemons()).toEqual(asBefore);
});

test("A release that undoes a handover, and is cut before it has, is gone on from", async () => {
  await cutBefore("small-daemon");
  await account.commit({ "dagster-stack.yml": withoutDaemon, "app/main.py": "VERSION = 1\n" });
  await killedBefore(
    account,
    ({ operation, about }) => operation === "UpdateService" && about === formerDaemon,
    (wire) => deployer(account, { run: 3, wire, isOver: () => Promise.resolve("over") }).deploy(),
  );
  await account.clock.pass(60_000);
  expect(await daemons()).toEqual(inTheMiddle);
  await run(4, (who) => who.deploy());
  expect(await daemons()).toEqual(asBefore);
});

test("What a release that was cut has found under a key which another service has now is an error", async () => {
  await cutBefore("small-daemon");
  await account.commit({
    "dagster-stack.yml": replacingStack.replace(`replaces: ${formerDaemon}`, "replaces: another"),
  });
  await expect(run(3, (who) => who.deploy())).rejects.toThrow(
    `has moved ECS service ${formerDaemon}, which ran ${formerDaemon}:1 before; the stack file has another service in its place`,
  );
  expect(await daemons()).toEqual(inTheMiddle);
});
