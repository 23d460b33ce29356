import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { expectGolden } from "../../../golden.ts";
import { openAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { newCode } from "../../../releases/played/situations.ts";

test("the summary of code that does not start says why, what ECS did and when, and what runs now", async () => {
  const account = await openAccount();
  await account.clock.run(deployer(account).deploy());
  await account.clock.pass(60_000);
  await account.commit(newCode);
  account.runtime.script(({ definition: { family = "", revision = 0 } }) => family === "small-code" && revision > 2, {
    kind: "exits",
    code: 1,
    afterSeconds: 4,
    log: [
      { text: "Traceback (most recent call last):" },
      { text: '  File "/app/app/main.py", line 3, in <module>' },
      { text: "    import pandas" },
      { text: "ModuleNotFoundError: No module named 'pandas'" },
    ],
  });
  const failed: unknown = await account.clock.run(
    deployer(account, { run: 2 })
      .deploy()
      .catch((error: unknown) => error),
  );
  if (!(failed instanceof ReleaseFailed)) throw new Error("it has not failed");
  expectGolden("summaries/failed.md", failed.result.summary.markdown);
  await account.close();
});
