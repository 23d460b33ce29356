import { type Comparison, type Refusal, startFakeGithub } from "../../github/fake-github.ts";
import type { StepResult } from "../../runner/run-step.ts";
import {
  type Checkout,
  checkOut,
  heldLock,
  putRecord,
  readLock,
  removeRecord,
  type SmallStack,
  startSmallStack,
  stackFile,
  writesOf,
} from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
let since: number;

beforeAll(async () => {
  small = await startSmallStack();
});
afterAll(() => small.bed.close());
beforeEach(async () => {
  // Not held to the printed policy yet.
  checkout = await checkOut(small, "all");
  since = small.bed.calls.length;
});
afterEach(async () => {
  small.bed.aws.faults.clear();
  await checkout.remove();
});

/** One clear error, exit code 1, nothing half done: neither a write to anything shared, nor a lock that is left. */
async function expectRefusal(
  result: StepResult,
  words: { readonly what: string | RegExp; readonly where: string | RegExp; readonly fix: string | RegExp },
): Promise<void> {
  expect(result.exitCode).toBe(1);
  const errors = result.annotations.filter(({ level }) => level === "error");
  expect(errors).toHaveLength(1);
  const message = errors[0]?.message ?? "";
  expect(message).toMatch(words.what);
  expect(message).toMatch(words.where);
  expect(message.slice(message.indexOf("fix:"))).toMatch(words.fix);
  expect(message).not.toMatch(/\bat .*\.js:\d+|should not have happened/);
  expect(writesOf(small, since)).toEqual([]);
  expect(await lockIsFree()).toBe(true);
}

async function lockIsFree(): Promise<boolean> {
  const holder = (await readLock(small))?.holder ?? null;
  return holder === null || holder.name === heldLock.holder.name;
}

describe("the stack file", () => {
  test.each<
    [string, (text: string) => string, { what: string | RegExp; where: string | RegExp; fix: string | RegExp }]
  >([
    [
      "with a misspelt key",
      (text) => text.replace("    repository: small", "    repositry: small"),
      { what: /"repositry"/, where: /dagster-stack\.yml:7:5/, fix: /./ },
    ],
    [
      "with an unknown key",
      (text) => `${text}colour: red\n`,
      { what: /"colour"/, where: /dagster-stack\.yml:\d+:1/, fix: /./ },
    ],
    [
      "with an unknown placeholder",
      (text) => `${text}environment: { A: "\${contract.nonsense}" }\n`,
      { what: /contract\.nonsense/, where: /dagster-stack\.yml:\d+:\d+/, fix: /./ },
    ],
    [
      "with a variable that is not set",
      (text) => `${text}environment: { A: "\${env.NOT_SET_HERE}" }\n`,
      { what: /NOT_SET_HERE/, where: /dagster-stack\.yml:\d+:\d+/, fix: /./ },
    ],
    [
      "with a secret in plain text",
      (text) => `${text}environment: { API_TOKEN: abcdef }\n`,
      { what: /API_TOKEN looks like a secret/, where: /dagster-stack\.yml:\d+:\d+/, fix: /Secrets Manager/ },
    ],
  ])("%s", async (_, change, words) => {
    await checkout.write("dagster-stack.yml", stackFile(change));
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), words);
  });

  test("that suggests the key which was meant", async () => {
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) => text.replace("    repository: small", "    repositry: small")),
    );
    checkout.commit("Spoil it");
    expect((await checkout.run()).log.join("\n")).toContain("`repository`");
  });

  test("that is not there", async () => {
    await expectRefusal(await checkout.run({ with: { stack: "other.yml" } }), {
      what: /stack file cannot be read/,
      where: /other\.yml/,
      fix: /input `stack`/,
    });
  });
});

describe("files that the stack file names", () => {
  test("a folder that is not there", async () => {
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) => text.replace("from: app,", "from: nothere,")),
    );
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), { what: /nothere/, where: /./, fix: /./ });
  });

  test("a lock file that is not there", async () => {
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) => text.replace("      base:", "      requirements: requirements.lock\n      base:")),
    );
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), {
      what: /requirements\.lock/,
      where: /requirements\.lock/,
      fix: /committed/,
    });
  });

  test("a requirement without a wheel for the platform", async () => {
    // Published for Windows only, without a source.
    const lock =
      "pywin32==306 \\\n    --hash=sha256:06d3420a5155ba65f0b72f2699b5bacf3109f36acbe8923765c22938a69dfc8d\n";
    await checkout.write("requirements.lock", lock);
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) => text.replace("      base:", "      requirements: requirements.lock\n      base:")),
    );
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), {
      what: /pywin32 306 has no wheel for linux/,
      where: /requirements\.lock:1/,
      fix: /build:/,
    });
  });

  test("a base called latest", async () => {
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) => text.replace("small/base:python", "small/base:latest")),
    );
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), { what: /latest/, where: /small\/base:latest/, fix: /./ });
  });
});

describe("the account", () => {
  test("a service that does not exist", async () => {
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) =>
        text.replace(
          "  daemon: { kind: daemon, image: app }",
          "  daemon: { kind: daemon, image: app }\n  other: { kind: code-location, image: app, location: other, module: app.other, address: other.small.local }",
        ),
      ),
    );
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), {
      what: /Cluster small has no service small-other/,
      where: /dagster-stack\.yml:\d+:\d+/,
      fix: /infrastructure create it/,
    });
  });

  test("a cluster that does not exist", async () => {
    const contract = { ...small.infrastructure.contract, cluster: "nowhere" };
    const mapping = JSON.stringify(contract);
    await checkout.write(
      "dagster-stack.yml",
      stackFile((text) => text.replace("contract: ssm:/dagster/small/contract", `contract: ${mapping}`)),
    );
    checkout.commit("Spoil it");
    await expectRefusal(await checkout.run(), { what: /[Cc]luster/, where: /nowhere/, fix: /./ });
  });

  test("expired credentials, said at once", async () => {
    small.bed.aws.faults.inject({ on: "*", caller: "deploy", what: { kind: "expired-token" } });
    await expectRefusal(await checkout.run(), {
      what: /session of this job is over/,
      where: /STS/,
      fix: /role-duration-seconds/,
    });
  });

  test("a right that is missing, as the statement to add", async () => {
    small.bed.aws.faults.inject({ on: "ecs:DescribeServices", caller: "deploy", what: { kind: "access-denied" } });
    const result = await checkout.run();
    await expectRefusal(result, {
      what: /ecs:DescribeServices/,
      where: /ECS DescribeServices/,
      fix: /"Action": ?"ecs:DescribeServices"/,
    });
  });
});

describe("the checkout", () => {
  test("with changes that are not committed", async () => {
    await checkout.write("app/main.py", "changed = True\n");
    await expectRefusal(await checkout.run(), {
      what: /differs from its commit in a file: app\/main\.py.*a deploy is refused/,
      where: /./,
      fix: /Commit them/,
    });
  });

  test("with changes that are not committed can be planned, and the plan says that no deploy takes it", async () => {
    await checkout.write("app/main.py", "changed = True\n");
    const { exitCode, annotations, log } = await checkout.run({ with: { command: "plan" } });
    expect(exitCode).toBe(0);
    expect(annotations).toContainEqual(
      expect.objectContaining({ level: "warning", properties: { title: "checkout-differs" } }),
    );
    expect(log).toContainEqual(expect.stringMatching(/^Plan for small, production, commit [0-9a-f]{12}, \d+ steps:$/));
  });

  describe("of depth 1, when something is released already", () => {
    let shallow: Checkout;
    let released: string;

    beforeEach(async () => {
      released = checkout.git("rev-parse", "HEAD");
      const release = {
        id: `20260101T000000Z-${released}`,
        stack: "small",
        environment: "production",
        base: null,
        source: { repository: "owner/small", sha: released },
        schema: 1,
        images: {},
        taskDefinitions: {},
        migrations: {},
      };
      const head = { schema: 1, kind: "outcome", command: "deploy", outcome: "committed", services: [], cause: null };
      const at = "2026-01-01T00:00:00.000Z";
      await putRecord(small, `releases/${release.id}/outcome.json`, {
        ...head,
        release,
        owner: { name: "test", attempt: 1, url: null, run: null },
        at,
      });
      await putRecord(small, "current.json", { schema: 1, release: release.id, previous: null, at });
      await checkout.write("app/main.py", "later = True\n");
      checkout.commit("Later");
      shallow = await checkOut(small, "all");
      shallow.git("fetch", "--quiet", "--depth=1", `file://${checkout.folder}`, "main");
      shallow.git("reset", "--quiet", "--hard", "FETCH_HEAD");
    });
    afterEach(async () => {
      await shallow.remove();
      await removeRecord(small, "current.json");
    });

    test("cannot tell whether it follows what is released", async () => {
      await expectRefusal(await shallow.run(), { what: /enough history/, where: /./, fix: /fetch-depth: 0/ });
    });

    test.each<[Comparison | Refusal, RegExp | null]>([
      ["ahead", null],
      ["identical", null],
      ["behind", /does not contain/],
      ["diverged", /does not contain/],
      ["not found", /enough history/],
    ])("asks GitHub when it has a token; %s", async (comparison, refusal) => {
      const github = await startFakeGithub({ compare: () => comparison });
      const result = await shallow.run(
        { action: "actions/build-push-image", with: { "github-token": "ghs_secret" } },
        { GITHUB_API_URL: github.url },
      );
      await github.close();
      expect(github.requests).toEqual([
        {
          route: `GET /repos/owner/small/compare/${released}...${shallow.git("rev-parse", "HEAD")}`,
          authorization: "token ghs_secret",
        },
      ]);
      expect(result.log.join("\n")).not.toContain("ghs_secret");
      if (refusal === null) expect(result.exitCode).toBe(0);
      else await expectRefusal(result, { what: refusal, where: /./, fix: /./ });
    });
  });
});

test("a second deploy while one runs waits for nobody's patience: it says who releases", async () => {
  await putRecord(small, "lock.json", heldLock);
  const result = await checkout.run();
  await removeRecord(small, "lock.json");
  await expectRefusal(result, {
    what: /owner\/small\/run\/77\/job\/deploy \(https:\/\/github\.com\/owner\/small\/actions\/runs\/77\), who is releasing/,
    where: /lock\.json/,
    fix: /over in \d+ min/,
  });
});

test("a lock is taken away by somebody who says why", async () => {
  await putRecord(small, "lock.json", heldLock);
  await expectRefusal(await checkout.run({ with: { command: "unlock" } }), {
    what: /says why/,
    where: /reason/,
    fix: /told to whoever holds the lock/,
  });
  const looked = await checkout.run({ with: { command: "unlock", reason: "it died", "dry-run": "true" } });
  expect(looked).toMatchObject({ exitCode: 0, outputs: { changed: "false" } });
  expect(looked.summary).toContain("Would unlock");
  const result = await checkout.run({ with: { command: "unlock", reason: "its runner <died>" } });
  await removeRecord(small, "lock.json");
  expect(result).toMatchObject({ exitCode: 0, outputs: { changed: "true" } });
  expect(result.summary).toContain("taken away from owner/small/run/77/job/deploy: its runner &lt;died&gt;");
});

describe("inputs", () => {
  test.each<[string, Record<string, string>, RegExp]>([
    [
      "an unknown command",
      { command: "destroy" },
      /command is one of deploy, plan, rollback, status, unlock, clean-up, not "destroy"/,
    ],
    ["a flag that is neither", { "dry-run": "yes" }, /dry-run is `true` or `false`, not "yes"/],
    ["a waiting time that is none", { "lock-timeout": "soon" }, /lock-timeout is a whole number of minutes/],
    ["a divergence that is neither", { "allow-divergent": "maybe" }, /allow-divergent is `true` or `false`/],
    ["a plan that may change how?", { "on-plan-change": "shrug" }, /on-plan-change is one of continue, fail/],
    ["a drift that fails how?", { "fail-on-drift": "1" }, /fail-on-drift is `true` or `false`/],
    ["queued runs that are what?", { "queued-runs": "drop" }, /queued-runs is one of keep, cancel, not "drop"/],
    ["an early failure that is neither", { "fail-early": "no" }, /fail-early is `true` or `false`/],
    ["others who are what?", { "in-flight": "kill" }, /in-flight is one of wait, take-over, fail, not "kill"/],
    ["no time at all", { timeout: "0" }, /timeout is a whole number of minutes, 1 to 9999/],
    ["a time in words", { timeout: "30m" }, /timeout is a whole number of minutes/],
    ["a time-out that does what?", { "on-timeout": "retry" }, /on-timeout is one of rollback, leave, not "retry"/],
    ["a cancel that does what?", { "on-cancel": "stop" }, /on-cancel is one of leave, rollback, not "stop"/],
    ["an empty path", { stack: "" }, /stack is required/],
    ["a role that is none", { "role-to-assume": "deploy" }, /role-to-assume is the ARN of an IAM role.*, not "deploy"/],
    [
      "a role that is somebody",
      { "role-to-assume": "arn:aws:iam::123456789012:user/me" },
      /role-to-assume is the ARN of an IAM role/,
    ],
    ["a session that has blanks", { "role-session-name": "my job" }, /role-session-name has 2 to 64 letters/],
    ["a session of 65 characters", { "role-session-name": "x".repeat(65) }, /role-session-name has 2 to 64 letters/],
    ["a promotion from where?", { from: "staging@yesterday" }, /from is an environment, or environment@release-id/],
    ["a promotion from an environment that is none", { from: "stagging" }, /no environment "stagging"/],
    ["a promotion to itself", { from: "production" }, /cannot be promoted to itself/],
    ["copies of what is neither", { "copy-images": "maybe" }, /copy-images is `true` or `false`, not "maybe"/],
    ["a component that is none", { only: "webserver\n cod " }, /"cod" is no service, image, migration or location/],
    ["a first release of a part", { only: "app" }, /a first release is of the whole stack/],
    [
      "a deploy that says where to go back to",
      { to: "previous" },
      /`to` is for `rollback`, and the command is `deploy`/,
    ],
    ["a reason for what needs none", { reason: "it hangs" }, /`reason` is for `unlock`, and the command is `deploy`/],
    ["a status of a part", { command: "status", only: "app" }, /`only` is for `deploy` or `plan`/],
    ["a deploy that fails on drift", { "fail-on-drift": "true" }, /`fail-on-drift` is for `status`/],
    ["copies from nowhere", { "copy-images": "true" }, /`copy-images` copies what another environment has released/],
    ["a plan hash that is none", { "plan-hash": "abc" }, /plan-hash is the output of that name, 64 hex digits/],
    ["a plan to compare with that is empty", { "on-plan-change": "fail" }, /`plan-hash` is empty/],
    ["prices that are no JSON", { command: "plan", prices: "cheap" }, /prices is no JSON object of prices in USD/],
    [
      "prices of what nobody knows",
      { command: "plan", prices: '{"GRAVITON":{"vcpu":1,"gb":1}}' },
      /Unrecognized key: "GRAVITON"/,
    ],
    ["prices for a deploy", { prices: "{}" }, /`prices` is for `plan`, and the command is `deploy`/],
    ["definitions for a deploy", { definitions: "load" }, /`definitions` is for `plan`, and the command is `deploy`/],
    [
      "a file of definitions that is not there",
      { command: "plan", definitions: "definitions.json" },
      /file definitions\.json with definitions cannot be used: it is not there/,
    ],
    [
      "a file of definitions that is none",
      { command: "plan", definitions: "small=dagster-stack.yml" },
      /dagster-stack\.yml with definitions cannot be used: it is not what definitions\/describe\.py writes/,
    ],
    ["a reason that nobody reads", { command: "unlock", reason: "x".repeat(501) }, /reason has 500 characters at most/],
    ["several components in one line", { only: "code,daemon" }, /is no service, image, migration or location/],
    [
      "a rollback of a part",
      { command: "rollback", to: "previous", only: "app" },
      /`only` is for `deploy` or `plan`, and the command is `rollback`/,
    ],
    [
      "a rollback from elsewhere",
      { command: "rollback", to: "previous", from: "staging" },
      /`from` is for `deploy` or `plan`, and the command is `rollback`/,
    ],
    ["a rollback to nowhere", { command: "rollback" }, /needs to know where to/],
  ])("%s", async (_, inputs, what) => {
    await expectRefusal(await checkout.run({ with: inputs }), { what, where: /./, fix: /./ });
  });

  test("a release that is not one", async () => {
    await expectRefusal(await checkout.run({ action: "actions/deploy-service", with: { release: "{}" } }), {
      what: /release cannot be read|release/,
      where: /release/,
      fix: /./,
    });
  });

  test("an account that may not be touched", async () => {
    const result = await checkout.run({ with: { "allowed-account-ids": "111111111111\n222222222222" } });
    await expectRefusal(result, {
      what: /of account 123456789012, and only 111111111111, 222222222222/,
      where: /allowed-account-ids/,
      fix: /role/,
    });
  });

  test("an environment that the stack file does not have", async () => {
    await expectRefusal(await checkout.run({ with: { environment: "prodution" } }), {
      what: /prodution/,
      where: /dagster-stack\.yml/,
      fix: /./,
    });
  });
});

test("a record of the journal that does not parse is named, and is never an empty history", async () => {
  await putRecord(small, "current.json", '{"schema":1,"rel');
  const result = await checkout.run();
  await removeRecord(small, "current.json");
  await expectRefusal(result, { what: /not JSON/, where: /current\.json/, fix: /former version/ });
});
