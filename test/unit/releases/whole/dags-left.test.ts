import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { dagsFiles, dagsStack } from "../../../releases/played/stacks.ts";

let account: PlayedAccount;
afterEach(() => account.close());

test("A location whose code goes back into the image leaves its versions and its pointer, and the release says so", async () => {
  account = await openAccount({ stack: dagsStack, files: dagsFiles });
  const first = await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  const below = (): readonly string[] => [...account.s3.objects.keys()].filter((key) => key.includes("dags/small/"));
  const before = below();
  expect(before).toHaveLength(3);
  await account.commit({ "dagster-stack.yml": stackFile });
  const { plan, outcome, release } = await account.clock.run(deployer(account, { run: 2 }).deploy());
  await account.clock.pass(60_000);
  const left = plan.findings.filter(({ id }) => id === "dags-left");
  expect(left).toMatchObject([{ level: "notice" }]);
  expect(left[0]?.what).toContain(`no DAGs of small any more, which release ${first.release.id} has`);
  expect(left[0]?.what).toContain("below dags/small/");
  expect([outcome, release.dags, below()]).toEqual(["committed", {}, before]);
  expect(await wrongWith(account)).toEqual([]);
  const next = await account.clock.run(deployer(account, { run: 3 }).plan());
  expect(next.plan.findings.filter(({ id }) => id === "dags-left")).toEqual([]);
});
