import type { RoleRequest } from "../../../../src/aws/assumed-role.ts";
import type { Finding } from "../../../../src/domain/finding.ts";
import { identityTokenOf, trustPolicyFor } from "../../../github/identity-token.ts";
import type { LocalAws } from "../../../local-aws/local-aws.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { endsByItself, mend, type Situation, situation } from "../../../releases/played/situations.ts";

const minute = 60_000;
/** The shortest that there are: an hour of asking, played, takes its time. */
const sessionMinutes = 15;
const subject = "repo:owner/small:environment:production";

const role: RoleRequest = {
  arn: "arn:aws:iam::123456789012:role/deploy",
  sessionName: "dagster-ecs-1-1",
  identityToken: () => Promise.resolve(identityTokenOf({ sub: subject })),
};

/** From now on the role lets itself be assumed by who says to be this. */
function trust({ neighbours, account }: LocalAws, sub: string): void {
  neighbours.roles.set("deploy", { name: "deploy", arn: role.arn, trustPolicy: trustPolicyFor(account, sub) });
  for (const name of ["execution", "run", "web", "daemon", "code", "migration"])
    neighbours.roles.set(name, { name, arn: `arn:aws:iam::${account}:role/${name}`, trustPolicy: "of ECS" });
}

/** A change of code whose session ends while the new code takes its time to start. */
async function slowChange(): Promise<Situation> {
  const slow = await situation("a change of code");
  const { runtime, aws } = slow.account;
  const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
  runtime.script((task) => endsByItself(task) && task.definition.family === "small-once-code", {
    kind: "exits",
    ...quick,
    code: 0,
    afterSeconds: 8 * 60,
  });
  runtime.script(slow.isNew("code"), {
    kind: "healthy",
    startsAfterSeconds: sessionMinutes * 60,
    healthyAfterSeconds: 1,
  });
  trust(aws, subject);
  aws.neighbours.sessionSeconds = sessionMinutes * 60;
  return slow;
}

/** A wire that tells when its first call of this operation was answered: however busy the machine is, so far and no further. */
function until(wanted: string): { readonly wire: Wire; readonly answered: Promise<void> } {
  const { promise: answered, resolve } = Promise.withResolvers<undefined>();
  const wire: Wire = async ({ operation }, effect) => {
    const answer = await effect();
    if (operation === wanted) resolve(undefined);
    return answer;
  };
  return { wire, answered };
}

function linesOf({ progress }: Deployer): readonly string[] {
  return progress.flatMap((event) => (event.kind === "line" ? [event.text] : []));
}

test("a release that takes longer than a session of its role goes on with a new one, and nobody notices", async () => {
  const { account, act } = await slowChange();
  const { aws, clock } = account;
  const begun = clock.product.now();
  const who = deployer(account, { run: 2, role });
  const { outcome } = await clock.run(act(who));
  expect(outcome).toBe("committed");
  expect(clock.product.now() - begun).toBeGreaterThan(sessionMinutes * minute);
  expect(aws.neighbours.sessions.size).toBeGreaterThan(1);
  expect(aws.calls.filter(({ outcome: answer }) => answer === "ExpiredTokenException")).toEqual([]);
  expect(linesOf(who).filter((line) => line.includes("session"))).toEqual([]);
  expect(await wrongWith(account)).toEqual([]);
  await account.close();
});

test("one whose session cannot be renewed uses it up, then says at once why, what is where, and that nothing was taken back", async () => {
  const { account, act } = await slowChange();
  const { aws, clock } = account;
  const { wire, answered } = until("RunTask");
  const who = deployer(account, { run: 2, role, wire });
  const ended = act(who).catch((error: unknown) => error);
  await clock.run(Promise.race([ended, answered]));
  trust(aws, "somebody else");
  const error: unknown = await clock.run(ended);
  expect(String(error)).toMatch(
    /How small-code:\d+ does is not known any more: The AWS session of this job is over, and could not be renewed: AWS does not let this job assume the role/,
  );
  expect(String(error)).toContain(`"token.actions.githubusercontent.com:sub":"${subject}"`);
  expect(String(error)).toMatch(/^Not taken back: code: The AWS session of this job is over/m);
  const lines = linesOf(who);
  expect(lines.filter((line) => line.includes("could not be renewed yet")).length).toBeGreaterThan(1);
  expect(lines).toContainEqual(expect.stringMatching(/^how the release ended was not written: The AWS session/));
  expect(lines).toContainEqual(expect.stringMatching(/^the lock was not given back: The AWS session/));
  expect(recordsOf(account).lock?.open).toHaveLength(1);

  mend(account);
  await clock.pass(16 * minute); // until the lease is over
  await clock.run(act(deployer(account, { run: 3 })));
  await clock.pass(minute);
  expect(await wrongWith(account)).toEqual([]);
  await account.close();
});

test("the post step of a job whose session is over has a session of its own: it needs nothing of the first", async () => {
  const { account, act } = await slowChange();
  const { aws, clock } = account;
  const { wire, answered } = until("RunTask");
  const ended = act(deployer(account, { run: 2, role, wire })).catch((error: unknown) => error);
  await clock.run(Promise.race([ended, answered]));
  trust(aws, "somebody else");
  await clock.run(ended);
  trust(aws, subject);
  await clock.run(deployer(account, { run: 2, role }).close());
  expect(recordsOf(account).lock).toMatchObject({ holder: null });
  await account.close();
});

test("a role that does not trust the job stops it before anything is read or written", async () => {
  const { account, act } = await situation("a change of code");
  trust(account.aws, "somebody else");
  const before = new Map(account.s3.objects);
  const calls = account.aws.calls.length;
  await expect(account.clock.run(act(deployer(account, { run: 2, role })))).rejects.toThrow(
    /^AWS does not let this job assume the role arn:aws:iam::123456789012:role\/deploy/,
  );
  expect(account.aws.calls.slice(calls).map(({ operation }) => operation)).toEqual(["AssumeRoleWithWebIdentity"]);
  expect(new Map(account.s3.objects)).toEqual(before);
  await account.close();
});

describe("credentials of the job that end", () => {
  /** Findings of a release of this kind, with so many minutes left. */
  async function findings(minutesLeft: number, act?: (who: Deployer) => Promise<unknown>): Promise<readonly Finding[]> {
    const played = await situation("a change of code");
    const { account } = played;
    const credentialsEndAt = account.clock.product.now() + minutesLeft * minute;
    const who = deployer(account, { run: 2, job: { region: null, credentialsEndAt } });
    await account.clock.run((act ?? played.act)(who));
    await account.close();
    return who.progress.flatMap((event) => (event.kind === "finding" ? [event.finding] : []));
  }

  // A migration of an hour, a roll of half an hour, fifteen minutes for older tasks, two gates of three, 10 s of the name, and a canary of ten.
  test("before all time-outs can be over are warned of", async () => {
    const all = await findings(120);
    expect(all.filter(({ id }) => id === "credentials-expire")).toMatchObject([
      { level: "warning", what: expect.stringMatching(/may take 122 minutes/) as unknown },
    ]);
  });

  test("after that are not", async () => {
    expect((await findings(123)).map(({ id }) => id)).not.toContain("credentials-expire");
  });

  test("are no matter of a plan, which another job may carry out", async () => {
    expect((await findings(1, (who) => who.plan())).map(({ id }) => id)).not.toContain("credentials-expire");
  });
});

test("a job that is set to another region than the stack is told which one counts", async () => {
  const { account } = await situation("a change of code");
  const who = deployer(account, { run: 2, job: { region: "us-east-1", credentialsEndAt: null } });
  await account.clock.run(who.status());
  expect(linesOf(who)).toEqual(["working in eu-central-1, as dagster-stack.yml says, and not in this job's us-east-1"]);
  await account.close();
});
