import type { Part } from "../../../../src/domain/plan.ts";
import type { Release } from "../../../../src/domain/release.ts";
import type { PromotionRequest } from "../../../../src/releases/promotion.ts";
import {
  type AccountOptions,
  openAccount,
  type PlayedAccount,
  stagedStackFile,
} from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore, killedAfter } from "../../../releases/played/killed-before.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { refusal } from "../../../releases/played/refusal.ts";
import { type OutsideCall, showCall, type Wire } from "../../../releases/played/wire.ts";
import { errorOf } from "../../../error-of.ts";
import { recorder } from "../../../releases/played/recorder.ts";
import { openTwoAccounts, commitToBoth, release } from "../../../releases/played/two-accounts.ts";

let staging: PlayedAccount;
let production: PlayedAccount;

afterEach(async () => {
  await production.close();
  await staging.close();
});

async function open(options: AccountOptions = {}): Promise<void> {
  ({ staging, production } = await openTwoAccounts(undefined, options));
}

const commit = (files: Readonly<Record<string, string>>) => commitToBoth({ staging, production }, files);
const failure = (work: Promise<unknown>): Promise<unknown> => production.clock.run(errorOf(work));

const from = (release: PromotionRequest["release"] = null, copyImages = true): DeployerOptions => ({
  wishes: { from: { environment: "staging", release }, copyImages },
});
const isRoll = ({ operation }: OutsideCall): boolean => operation === "UpdateService";
const digests = ({ images }: Release) => [images["code"]?.digest, images["host"]?.digest];

describe("What another environment runs, in another account,", () => {
  beforeEach(async () => {
    await open();
    await commit(newCode);
  });

  test("is released by its very digests: copied, migrated, rolled from this environment's definitions", async () => {
    const proved = await release(staging, 1);
    await commit({ "app/main.py": "VERSION = 'not proved yet'\n", ...newHost });
    const promoted = await release(production, 2, from());
    expect(digests(promoted)).toEqual(digests(proved));
    expect(promoted).toMatchObject({
      environment: "production",
      source: proved.source,
      sources: proved.sources,
      promotes: { environment: "staging", release: proved.id },
      migrations: { application: { state: "done" } },
    });
    for (const [key, { source }] of Object.entries(promoted.images)) expect(source).toEqual(proved.images[key]?.source);
    expect(await wrongWith(production)).toEqual([]);
    expect(recordsOf(production).current?.release).toBe(promoted.id);
  });

  test("is not built: nothing of the checkout is read but the stack file", async () => {
    await release(staging, 1);
    await commit({ "dagster-stack.yml": stagedStackFile.replaceAll("from: app,", "from: nowhere,") });
    await release(production, 2, from());
    expect(await wrongWith(production)).toEqual([]);
  });

  test("is only read: nothing is written to the other environment", async () => {
    await release(staging, 1);
    const before = [...staging.s3.objects];
    const calls = staging.aws.calls.length;
    await release(production, 2, from());
    expect([...staging.s3.objects]).toEqual(before);
    expect(staging.aws.calls).toHaveLength(calls);
  });

  test.each([
    ["", ""],
    [
      ", whatever the stack file makes of it",
      "checks: { promoted-image: { level: notice, until: 2027-12-31, reason: we know } }\n",
    ],
  ])("is refused while its images are not in this account's registry, and may not be copied%s", async (_, checks) => {
    await release(staging, 1);
    await commit({ "dagster-stack.yml": `${stagedStackFile}${checks}# checked\n` });
    const writes: string[] = [];
    const wire: Wire = (call, effect) => {
      if (call.writes) writes.push(showCall(call));
      return effect();
    };
    const error = await failure(deployer(production, { run: 2, wire, ...from(null, false) }).deploy());
    expect(error).toMatchObject({
      name: "UserError",
      what: expect.stringContaining("does not have the image") as unknown,
      fix: expect.stringContaining("`copy-images: true`") as unknown,
    });
    expect(writes).toEqual([]);
  });

  test("is copied once: the next release finds it", async () => {
    await release(staging, 1);
    await release(production, 2, from());
    await commit(newHost);
    const host = await release(staging, 3);
    const copies: string[] = [];
    const wire: Wire = (call, effect) => {
      if (/registry PUT .*small\/code/.test(showCall(call))) copies.push(showCall(call));
      return effect();
    };
    expect(digests(await release(production, 4, { ...from(), wire }))).toEqual(digests(host));
    expect(copies).toEqual([]);
    expect(await wrongWith(production)).toEqual([]);
  });

  test("is refused when the registry it was made in has lost it", async () => {
    const proved = await release(staging, 1);
    staging.registry.forget("small/code", proved.images["code"]?.digest ?? "");
    expect(await failure(deployer(production, { run: 2, ...from() }).deploy())).toMatchObject({
      what: expect.stringContaining("No registry has the image any more") as unknown,
    });
  });

  test("may be an earlier release of it, by its id", async () => {
    const proved = await release(staging, 1);
    await commit({ "app/main.py": "VERSION = 3\n" });
    await release(staging, 2);
    const promoted = await release(production, 3, from(proved.id));
    expect(digests(promoted)).toEqual(digests(proved));
  });

  test("is nothing when nothing is released there", async () => {
    expect(await failure(deployer(production, { run: 1, ...from() }).deploy())).toMatchObject({
      what: "Nothing is released to staging yet: there is nothing to promote.",
    });
  });

  test("and of an environment that is the same, or none, is refused", async () => {
    for (const [environment, what] of [
      ["production", /cannot be promoted to itself/],
      ["stagging", /There is no environment "stagging"/],
    ] as const) {
      const wishes = { from: { environment, release: null } };
      expect(await failure(deployer(production, { run: 1, wishes }).deploy())).toMatchObject({
        what: expect.stringMatching(what) as unknown,
      });
    }
  });

  test("is not promoted by who may not read its records: the right is named, and where", async () => {
    await release(staging, 1);
    const wire: Wire = (call, effect) => {
      if (call.operation === "GetObject" && call.about.startsWith("small/staging/")) throw refusal("AccessDenied", 403);
      return effect();
    };
    expect(await failure(deployer(production, { run: 2, wire, ...from() }).deploy())).toMatchObject({
      name: "AwsError",
      what: expect.stringContaining("s3:GetObject") as unknown,
      where: expect.stringContaining("s3://staging-deploys/small/staging/") as unknown,
    });
  });

  test("goes forward by the commits that it was made of, not by the one that is checked out", async () => {
    const old = await release(staging, 1);
    await commit({ "app/main.py": "VERSION = 3\n" });
    const proved = await release(staging, 2);
    const promoted = await release(production, 3, from());
    const head = await production.commit({ "README.md": "# Later\n" });
    expect(head).not.toBe(proved.source.sha);
    expect(await failure(deployer(production, { run: 4, ...from(old.id) }).deploy())).toMatchObject({
      kind: "superseded",
      what: `Commit ${old.source.sha} does not contain ${promoted.source.sha}, which is released: deploying it would go back, in part or whole.`,
    });
    expect(recordsOf(production).current?.release).toBe(promoted.id);
  });

  test("is refused when this environment has something of a repository which that one has nothing of", async () => {
    await release(production, 1);
    await release(staging, 1);
    await production.commit({ "app/main.py": "VERSION = 'of another repository'\n" });
    await release(production, 2, { repository: "owner/code", wishes: { only: ["small"] } });
    expect(await failure(deployer(production, { run: 3, ...from() }).deploy())).toMatchObject({
      kind: "superseded",
      what: expect.stringMatching(
        /of owner\/code is released, and release \S+ holds nothing of that repository/,
      ) as unknown,
    });
  });

  test.each(["yes", "no", "unknown"] as const)(
    "asks for a repository that is not checked out; it says %s",
    async (says) => {
      const elsewhere = { repository: "owner/code", wishes: { only: ["small"] } };
      for (const [account, version] of [
        [production, 1],
        [staging, 2],
      ] as const) {
        await release(account, 1);
        await account.commit({ "app/main.py": `VERSION = 'of another repository ${version}'\n` });
        await release(account, 2, elsewhere);
      }
      const asked: string[] = [];
      const compare = (repository: string): Promise<typeof says> => {
        asked.push(repository);
        return Promise.resolve(says);
      };
      const error = await failure(deployer(production, { run: 3, compare, ...from() }).deploy());
      expect(asked.every((repository) => repository === "owner/code")).toBe(true);
      if (says === "yes") expect(error).toBeNull();
      else if (says === "no") expect(error).toMatchObject({ kind: "superseded" });
      else expect(error).toMatchObject({ fix: "Give this step a `github-token` that may read owner/code." });
    },
  );

  test("is taken back to what was here, when it fails here", async () => {
    const first = await release(production, 1);
    await commit({ "app/main.py": "VERSION = 3\n" });
    await release(staging, 1);
    production.runtime.script(({ definition }) => definition.family === "small-code" && definition.revision === 3, {
      kind: "exits",
      code: 3,
      startsAfterSeconds: 1,
      healthyAfterSeconds: 60,
      afterSeconds: 1,
    });
    expect(await failure(deployer(production, { run: 2, ...from() }).deploy())).toMatchObject({
      name: "ReleaseFailed",
    });
    await production.clock.pass(60_000);
    expect(recordsOf(production).current?.release).toBe(first.id);
    expect(await wrongWith(production)).toEqual([]);
  });

  test("with a release under way there is promoted as it was committed, and that is said", async () => {
    const proved = await release(staging, 1);
    await commit({ "app/main.py": "VERSION = 3\n" });
    await killedBefore(staging, isRoll, (wire) => deployer(staging, { run: 2, wire }).deploy());
    const { plan } = await production.clock.run(deployer(production, { run: 3, ...from() }).plan());
    expect(plan.target.promotes?.release).toBe(proved.id);
    expect(plan.findings.filter(({ id }) => id === "promoted-unfinished")).toHaveLength(1);
  });

  test("may be a part of it: that is added to what is current here", async () => {
    const first = await release(production, 1);
    await commit({ "app/main.py": "VERSION = 3\n", ...newHost });
    const proved = await release(staging, 1);
    const promoted = await release(production, 2, {
      wishes: { only: ["code"], from: { environment: "staging", release: null }, copyImages: true },
    });
    expect(promoted).toMatchObject({
      only: ["code"],
      images: { code: { digest: proved.images["code"]?.digest }, host: first.images["host"] },
    });
    expect(await wrongWith(production)).toEqual([]);
  });

  test("is planned alike before it is copied and after: one hash, and a summary that names the release", async () => {
    const proved = await release(staging, 1);
    const planned = await production.clock.run(deployer(production, { run: 2, ...from() }).plan());
    expect(planned.summary.markdown).toContain(`Images are those of release \`${proved.id}\` of staging`);
    const who = deployer(production, { run: 2, ...from() });
    const made = await production.clock.run(who.deploy({ approved: { hash: planned.hash, onChange: "fail" } }));
    expect(made.outcome).toBe("committed");
  });

  test("is the same by four actions, although the release is lost in between and the other environment goes on", async () => {
    const proved = await release(staging, 1);
    const parts: readonly (readonly Part[])[] = [["images"], ["migrations"], ["definitions"], ["rollout"]];
    let last: Release | null = null;
    for (const [step, some] of parts.entries()) {
      const who = deployer(production, { run: 2, ...(step < 2 ? from() : {}) });
      ({ release: last } = await production.clock.run(who.deploy({ parts: some })));
      if (step !== 1) continue;
      await staging.commit({ "app/main.py": "VERSION = 3\n" });
      await release(staging, 3);
    }
    await production.clock.pass(60_000);
    expect(last).toMatchObject({ promotes: { release: proved.id }, id: recordsOf(production).current?.release });
    expect(digests(last ?? proved)).toEqual(digests(proved));
    expect(await wrongWith(production)).toEqual([]);
  });

  test.each([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])(
    "that was cut when %d of its calls were made, and is run again, ends as if it had not been",
    async (part) => {
      const proved = await release(staging, 1);
      // How many calls it makes is counted on one that nobody cuts, and then brought to nothing.
      const { wire: counting, calls } = recorder();
      await release(production, 2, { ...from(), wire: counting });
      await production.close();
      production = await openAccount({ stack: stagedStackFile, neighbour: staging });
      await production.commit(newCode);
      await killedAfter(production, Math.floor(calls() * part), (wire) =>
        deployer(production, { run: 2, wire, ...from() }).deploy(),
      );
      const promoted = await release(production, 2, { attempt: 2, ...from() });
      expect(digests(promoted)).toEqual(digests(proved));
      expect(await wrongWith(production)).toEqual([]);
    },
  );

  test("is rolled back like any other release", async () => {
    const first = await release(production, 1);
    await commit({ "app/main.py": "VERSION = 3\n" });
    await release(staging, 1);
    await release(production, 2, from());
    const { release: back } = await production.clock.run(deployer(production, { run: 3 }).rollback("previous"));
    await production.clock.pass(60_000);
    expect(back).toMatchObject({ promotes: null, sources: first.sources, images: first.images });
    expect(await wrongWith(production)).toEqual([]);
  });
});

test("What another environment of the same registry runs is released without a copy", async () => {
  await open();
  await production.close();
  production = await openAccount({ stack: stagedStackFile, neighbour: staging, registry: staging.registry });
  const proved = await release(staging, 1);
  const promoted = await release(production, 2, from(null, false));
  expect(digests(promoted)).toEqual(digests(proved));
  expect(await wrongWith(production)).toEqual([]);
});
