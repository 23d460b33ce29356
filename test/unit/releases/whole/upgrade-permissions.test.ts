import { actionOf } from "../../../../src/aws/permission.ts";
import type { Part } from "../../../../src/domain/plan.ts";
import type { Release } from "../../../../src/domain/release.ts";
import { documentedFor } from "../../../contract/actions/documented-permissions.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { lockOf, pinned } from "../../../releases/played/upgrade.ts";
import type { OutsideCall } from "../../../releases/played/wire.ts";

// With an upgrade of Dagster, actions stop and take back services that otherwise touch none.

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount(pinned);
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  await account.commit({ "requirements.lock": lockOf("1.13.0"), "app/main.py": "VERSION = 2\n" });
});
afterEach(() => account.close());

const ofAws = new Set(["ecs", "logs", "s3", "ssm"]);

interface Carried {
  readonly release: Release | null;
  /** IAM actions of what was called. */
  readonly needed: readonly string[];
}

/** What one action calls, which may fail: its release is then that of the step before. */
async function carryOut(
  parts: readonly Part[],
  release: Release | null,
  fails: (call: OutsideCall) => boolean = () => false,
): Promise<Carried> {
  const needed = new Set<string>();
  const who = deployer(account, {
    run: 2,
    wire: (call, effect) => {
      if (fails(call)) return Promise.reject(new Error("it fails here"));
      if (ofAws.has(call.to)) needed.add(actionOf(call.to, call.operation));
      return effect();
    },
  });
  const made = await account.clock.run(
    who.deploy({ parts, release }).then(
      (result) => result.release,
      () => release,
    ),
  );
  return { release: made, needed: [...needed].sort() };
}

function undocumented(action: string, { needed }: Carried): readonly string[] {
  const documented = documentedFor(action);
  return needed.filter((permission) => !documented.includes(permission));
}

test("each of four actions needs no more for an upgrade than is written", async () => {
  let release: Release | null = null;
  for (const [action, part] of [
    ["build-push-image", "images"],
    ["run-migrations", "migrations"],
    ["register-task-def", "definitions"],
    ["deploy-service", "rollout"],
  ] as const) {
    const carried: Carried = await carryOut([part], release);
    expect([action, undocumented(action, carried)]).toEqual([action, []]);
    if (part === "migrations") expect(carried.needed).toContain("ecs:UpdateService");
    ({ release } = carried);
  }
});

test("run-migrations needs no more to take back what it has stopped", async () => {
  const { release } = await carryOut(["images"], null);
  account.runtime.script(({ definition }) => definition.family === "small-once-host", {
    kind: "exits",
    code: 1,
    startsAfterSeconds: 1,
    afterSeconds: 1,
  });
  const failed = await carryOut(["migrations"], release);
  expect(undocumented("run-migrations", failed)).toEqual([]);
  expect(failed.needed).toEqual(
    expect.arrayContaining(["ecs:RunTask", "ecs:UpdateService", "ecs:DescribeServiceRevisions"]),
  );
});

test("register-task-def needs no more to take back what was stopped before it", async () => {
  const { release } = await carryOut(["images"], null);
  const migrated = await carryOut(["migrations"], release);
  const failed = await carryOut(
    ["definitions"],
    migrated.release,
    ({ operation }) => operation === "RegisterTaskDefinition",
  );
  expect(undocumented("register-task-def", failed)).toEqual([]);
  expect(failed.needed).toContain("ecs:UpdateService");
});
