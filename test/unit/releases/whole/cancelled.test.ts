import { Cancelled } from "../../../../src/domain/errors.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

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
