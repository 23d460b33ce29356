import { RolloutFailed } from "../../../../src/domain/errors.ts";
import { openAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { newHost } from "../../../releases/played/situations.ts";

test("a password in the last lines of a container is in neither the error nor the summary", async () => {
  const account = await openAccount();
  await account.clock.run(deployer(account).deploy());
  await account.clock.pass(60_000);
  await account.commit(newHost);
  account.runtime.script(({ definition: { family = "", revision = 0 } }) => family === "small-daemon" && revision > 2, {
    kind: "exits",
    code: 1,
    afterSeconds: 1,
    log: [{ text: "OperationalError: postgresql://app:hunter22@db/deals refused" }],
  });
  const failed: unknown = await account.clock.run(
    deployer(account, { run: 2 })
      .deploy()
      .catch((error: unknown) => error),
  );
  if (!(failed instanceof ReleaseFailed)) throw new Error("it has not failed");
  const shown = [failed.message, JSON.stringify(failed.evidence), failed.result.summary.markdown].join("\n");
  expect(failed).toBeInstanceOf(RolloutFailed);
  expect(shown).toContain("OperationalError: (hidden)db/deals refused");
  expect(shown).not.toContain("hunter22");
  await account.close();
});
