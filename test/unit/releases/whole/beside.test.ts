import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { errorOf } from "../../../error-of.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
});
afterEach(() => account.close());

const findingsOf = ({ progress }: Pick<ReturnType<typeof deployer>, "progress">): readonly string[] =>
  progress.flatMap((one) => (one.kind === "finding" ? [`${one.finding.id}: ${one.finding.what}`] : []));

test("while somebody releases, status and plans say who has moved what, and not that it was cut", async () => {
  await account.commit(newCode);
  const looks: Promise<void>[] = [];
  let rolls = 0;
  const who = deployer(account, {
    run: 2,
    wire: async (call, effect) => {
      const answer = await effect();
      if (call.operation !== "UpdateService" || ++rolls > 1) return answer;
      const [planner, onlooker] = [deployer(account, { run: 3 }), deployer(account, { run: 4 })];
      looks.push(
        planner.plan().then(() => {
          expect(findingsOf(planner)).toContainEqual(
            expect.stringMatching(
              /^unfinished-release: code runs .*run\/2\/job\/deploy, who is releasing now, has moved it/,
            ),
          );
        }),
        onlooker.status().then(({ drift, history }) => {
          expect(drift.map(({ what }) => what)).toEqual([expect.stringContaining("who is releasing now")]);
          expect(history[0]).toMatchObject({ ended: "under way" });
        }),
      );
      return answer;
    },
  });
  await account.clock.run(who.deploy());
  await account.clock.run(Promise.all(looks));
  expect(looks).toHaveLength(2);
});

test("a plan of a commit that no deploy would take says so", async () => {
  const old = await account.commit(newCode);
  await account.commit(newHost);
  await account.clock.run(deployer(account, { run: 2 }).deploy());
  await account.clock.pass(60_000);
  await account.checkOut(old);
  const who = deployer(account, { run: 3 });
  await account.clock.run(who.plan());
  expect(findingsOf(who)).toContainEqual(
    expect.stringMatching(/^not-forward: Commit \S+ does not contain .*A deploy is refused\.$/),
  );
  const trial = errorOf(account.clock.run(deployer(account, { run: 4, isTrial: true }).plan()));
  expect(await trial).toMatchObject({ kind: "superseded", what: expect.stringMatching(/does not contain/) as unknown });
});
