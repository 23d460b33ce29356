import { ReleaseFailed } from "../../../../src/releases/result.ts";
import type { SecurityRule } from "../../../local-aws/neighbours/state.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { newCode } from "../../../releases/played/situations.ts";

let account: PlayedAccount;
afterEach(() => account.close());

const among: SecurityRule = { protocol: "-1", groups: ["sg-1"] };

/** The group of all tasks, which lets out everything. */
const letIn = (...ingress: readonly SecurityRule[]): void => {
  const { subnets, securityGroups } = account.aws.neighbours;
  subnets.set("subnet-1", { id: "subnet-1", vpcId: "vpc-1", cidr: "10.0.1.0/24", availabilityZone: "a" });
  const egress = [{ protocol: "-1", cidrs: ["0.0.0.0/0"] }] as const;
  securityGroups.set("sg-1", { id: "sg-1", name: "tasks", vpcId: "vpc-1", ingress, egress });
};

test("a release is taken back when the next task could not be reached, and is not when it can", async () => {
  account = await openAccount({ stack: stackFile.replace("gates: {", "gates: { expect: { security-groups: true },") });
  letIn(among);
  const first = await account.clock.run(deployer(account, { run: 1 }).deploy());
  expect(first.outcome).toBe("committed");
  expect(first.steps.map(({ step }) => step.id)).toContain("gate/security-groups/small");
  await account.clock.pass(60_000);
  await account.commit(newCode);
  letIn();
  const second = account.clock.run(deployer(account, { run: 2 }).deploy());
  await expect(second).rejects.toThrow(ReleaseFailed);
  await expect(second).rejects.toThrow("sg-1 of code does not let in daemon on TCP port 4000");
});
