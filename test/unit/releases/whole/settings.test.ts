import { stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf, servicesOf } from "../../../releases/played/onlooker.ts";
import { newHost, type Situation, situation } from "../../../releases/played/situations.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let there: Situation;
beforeEach(async () => {
  there = await situation("a change of the host");
  await readPastClient(there.account.aws, "UpdateService", {
    cluster: "small",
    service: "small-daemon",
    deploymentConfiguration: {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      deploymentCircuitBreaker: { enable: false, rollback: false },
    },
  });
});
afterEach(() => there.account.close());

const applying = stackFile.replace("{ kind: daemon, image: host }", "{ kind: daemon, image: host, rollout: apply }");

async function daemonNow() {
  const { deploymentConfiguration } = (await servicesOf(there.account)).daemon;
  const { minimumHealthyPercent, maximumPercent, deploymentCircuitBreaker } = deploymentConfiguration ?? {};
  return [minimumHealthyPercent, maximumPercent, deploymentCircuitBreaker?.rollback];
}

async function deployed(run: number) {
  const { account } = there;
  const who = deployer(account, { run });
  const operations = await account.clock.run(
    who.deploy().then(
      ({ plan }) => plan.steps.map(({ id }) => id),
      (error: unknown) => String(error),
    ),
  );
  await account.clock.pass(60_000);
  return operations;
}

test("Without `rollout: apply` a daemon that would overlap stops the release", async () => {
  expect(await deployed(2)).toMatch(/would run two daemons at once/);
});

test("With it, percentages and breaker are set before the daemon is rolled, once", async () => {
  const { account } = there;
  await account.commit({ ...newHost, "dagster-stack.yml": applying });
  expect(await deployed(2)).toEqual(expect.arrayContaining(["settings/daemon", "roll/daemon"]));
  expect(await daemonNow()).toEqual([0, 100, true]);
  expect(await wrongWith(account)).toEqual([]);
  await account.commit({ "dagster.yaml": "telemetry: { enabled: false } # anew\n" });
  expect(await deployed(3)).not.toContain("settings/daemon");
});

test("Should the release fail, they are set back after the daemon went back", async () => {
  const { account, before } = there;
  await account.commit({ ...newHost, "dagster-stack.yml": applying });
  account.runtime.script(there.isNew("daemon"), {
    kind: "never-starts",
    reason: "CannotPullContainerError: x: not found",
  });
  const message = await deployed(2);
  expect(message).toMatch(/Taken back: daemon\.\nPercentages and breaker of daemon are as before\./);
  expect(await daemonNow()).toEqual([100, 200, false]);
  expect(await revisionsOf(account)).toEqual(before);
});
