import { Cancelled } from "../../../../src/domain/errors.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { newCode } from "../../../releases/played/situations.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

test("a release that is cancelled at a gate says what moved already, and not that ECS goes on with it", async () => {
  const { clock } = account;
  await clock.run(deployer(account, { run: 1 }).deploy());
  await clock.pass(60_000);
  await account.commit(newCode);
  const who = deployer(account, {
    run: 2,
    wire: (call, effect) => {
      if (call.to === "dagster" && hasRolled) who.cancel(new Cancelled("Cancelled by SIGINT."));
      hasRolled ||= call.operation === "UpdateService";
      return effect();
    },
  });
  let hasRolled = false;
  await expect(clock.run(who.deploy())).rejects.toThrow(
    "Cancelled. Moved already, and left so: code. The next deploy or rollback goes on from here.",
  );
});

test("a release that is cancelled while ECS rolls says with what ECS goes on", async () => {
  const { clock } = account;
  await clock.run(deployer(account, { run: 1 }).deploy());
  await clock.pass(60_000);
  await account.commit(newCode);
  const who = deployer(account, {
    run: 2,
    wire: async (call, effect) => {
      const answer = await effect();
      if (call.operation === "UpdateService")
        clock.bed.after(1000, () => who.cancel(new Cancelled("Cancelled by SIGINT.")));
      return answer;
    },
  });
  await expect(clock.run(who.deploy())).rejects.toThrow("Cancelled. ECS goes on with code by itself. The next");
});

test("a release that is cancelled while a migration runs stops its task, and leaves it within the runner's ten seconds", async () => {
  const { aws, clock, runtime } = account;
  runtime.script((task) => task.definition.family?.startsWith("small-once-") === true, { kind: "healthy" });
  let cancelledAt = 0;
  const who = deployer(account, {
    wire: async (call, effect) => {
      const answer = await effect();
      if (call.operation === "RunTask")
        clock.bed.after(5_000, () => {
          cancelledAt = clock.product.now();
          who.cancel(new Cancelled("Cancelled by SIGINT."));
        });
      return answer;
    },
  });
  await expect(clock.run(who.deploy())).rejects.toThrow("Cancelled before any service moved");
  expect(clock.product.now() - cancelledAt).toBeLessThan(8_000);
  await clock.pass(60_000);
  const { taskArns } = (await readPastClient(aws, "ListTasks", { cluster: "small", family: "small-once-code" })) as {
    readonly taskArns?: readonly string[];
  };
  expect(taskArns).toEqual([]);
});

test("a release that is cancelled while it is taken back does not say of what ECS has taken back that it was not", async () => {
  const { clock, runtime } = account;
  await clock.run(deployer(account, { run: 1 }).deploy());
  await clock.pass(60_000);
  await account.commit(newCode);
  const isNew = ({
    definition,
  }: {
    readonly definition: { family?: string | undefined; revision?: number | undefined };
  }) => definition.family === "small-code" && definition.revision !== 2;
  runtime.script(isNew, { kind: "exits", code: 1, startsAfterSeconds: 1, afterSeconds: 1 });
  const who = deployer(account, {
    run: 2,
    wire: (call, effect) => {
      const isTakenBack = who.progress.some((one) => one.kind === "stage" && one.title === "Taking back");
      if (isTakenBack) who.cancel(new Cancelled("Cancelled by SIGINT."));
      return effect();
    },
  });
  await expect(clock.run(who.deploy())).rejects.toThrow(
    /failed 3 times: container \S+ exited with code 1[^]*Taken back: code\./,
  );
});
