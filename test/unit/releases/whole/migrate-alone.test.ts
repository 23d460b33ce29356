import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { plainWire, type Wire } from "../../../releases/played/wire.ts";
import { errorOf } from "../../../error-of.ts";

let account: PlayedAccount;
afterEach(() => account.close());

const tasksRun = (): readonly unknown[] => account.aws.calls.filter(({ operation }) => operation === "RunTask");

test("migrations are carried out, and nothing is left open", async () => {
  account = await openAccount();
  const { result } = await account.clock.run(deployer(account).migrate());
  expect(result?.release.migrations).toMatchObject({ application: { state: "done" } });
  const { lock, begun, outcome } = recordsOf(account);
  expect(lock?.holder).toBeNull();
  expect(begun.map((id) => outcome(id)?.outcome)).toEqual(["abandoned"]);
});

test.each([true, false])(
  "a command is not run alone: the next deploy would run it again (dry run: %j)",
  async (dryRun) => {
    const stack = stackFile.replace(/tool: alembic\b/, "tool: command, command: [python, -m, migrate]");
    expect(stack).not.toBe(stackFile);
    account = await openAccount({ stack });
    const error = await account.clock.run(errorOf(deployer(account).migrate(dryRun)));
    expect(String(error)).toContain("`tool: command`");
    expect(String(error)).toContain("would run it again");
    expect(tasksRun()).toEqual([]);
    expect(recordsOf(account).begun).toEqual([]);
  },
);

test("a closing look that fails is not green: what is done and what is left open is said", async () => {
  account = await openAccount();
  let isBroken = false;
  /** Once the task of the migration has run, the stack file can no longer be read. */
  const wire: Wire = async (call, effect) => {
    const result = await plainWire(call, effect);
    if (call.operation === "RunTask" && !isBroken) {
      isBroken = true;
      await writeFile(join(account.root, "dagster-stack.yml"), "name: [");
    }
    return result;
  };
  const error = await account.clock.run(errorOf(deployer(account, { wire }).migrate()));
  expect(isBroken).toBe(true);
  expect(String(error)).toContain("Migrated");
  expect(String(error)).toContain("left open");
  expect(String(error)).toContain("dagster-stack.yml");
});
