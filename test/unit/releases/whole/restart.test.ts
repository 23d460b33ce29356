import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { inProcessStack } from "../../../releases/played/stacks.ts";
import { errorOf } from "../../../error-of.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
afterEach(() => account.close());

const setCount = (service: string, desiredCount: number): Promise<unknown> =>
  readPastClient(account.aws, "UpdateService", { cluster: "small", service, desiredCount });
const rolled = (): readonly unknown[] =>
  account.aws.calls.filter(({ operation, caller }) => operation === "UpdateService" && caller === "deploy");

/** A released stack whose runs live in its hosts, and whose webserver has been stopped. */
async function withoutWebserver(stack = inProcessStack): Promise<void> {
  account = await openAccount({ stack, loads: "small-webserver" });
  await account.clock.run(deployer(account).deploy());
  await setCount("small-webserver", 0);
  await account.clock.pass(120_000);
}

test.each([true, false])("runs that nobody can be asked for are said to end (dry run: %j)", async (dryRun) => {
  await withoutWebserver();
  const who = deployer(account, { run: 2 });
  await account.clock.run(who.restart("daemon", dryRun));
  const findings = who.progress.flatMap((event) => (event.kind === "finding" ? [event.finding] : []));
  expect(findings).toEqual([
    expect.objectContaining({
      id: "runs-not-awaited",
      level: "warning",
      what: "No webserver runs that could tell of runs in daemon: those that live there are ended.",
    }),
  ]);
});

test.each([true, false])("where that is an error nothing is restarted (dry run: %j)", async (dryRun) => {
  await withoutWebserver(`${inProcessStack}\nchecks: { runs-not-awaited: { level: error, reason: runs are long } }\n`);
  const before = rolled();
  const error = await account.clock.run(errorOf(deployer(account, { run: 2 }).restart("daemon", dryRun)));
  expect(String(error)).toContain("No webserver runs that could tell of runs in daemon");
  expect(rolled()).toEqual(before);
  expect(recordsOf(account).lock?.holder ?? null).toBeNull();
});

test("with a webserver that can be asked runs are waited for, and nothing is said", async () => {
  account = await openAccount({ stack: inProcessStack, loads: "small-webserver" });
  await account.clock.run(deployer(account).deploy());
  await account.clock.pass(60_000);
  const who = deployer(account, { run: 2 });
  await account.clock.run(who.restart("daemon"));
  expect(who.progress.filter(({ kind }) => kind === "finding")).toEqual([]);
  expect(who.progress).toContainEqual({ kind: "stage", title: "Waiting for runs in daemon" });
});

test.each([true, false])(
  "what somebody else has started is not restarted, nor said to be (dry run: %j)",
  async (dryRun) => {
    account = await openAccount();
    await setCount("small-code", 1);
    await account.clock.pass(120_000);
    const error = await account.clock.run(errorOf(deployer(account).restart("code", dryRun)));
    expect(String(error)).toContain("Nothing is released yet");
    expect(rolled()).toEqual([]);
  },
);
