import { type FakeGithub, type FakePullRequest, startFakeGithub, theOnlyNumber } from "../../github/fake-github.ts";
import type { Step, StepResult } from "../../runner/run-step.ts";
import {
  type Checkout,
  checkOut,
  heldLock,
  putRecord,
  removeRecord,
  type SmallStack,
  startSmallStack,
  stackFile,
} from "./small-stack.ts";

// The root action as a process, `command: plan`, on a pull request.

const us = "github-actions[bot]";
let small: SmallStack;
let checkout: Checkout;
let github: FakeGithub;
let page: FakePullRequest;
let runId = 2000;

beforeAll(async () => {
  small = await startSmallStack();
  github = await startFakeGithub({ pullRequest: (number) => (number === theOnlyNumber ? page : undefined) });
  // Not held to the printed policy yet.
  checkout = await checkOut(small, "all");
});
afterAll(async () => {
  await checkout.remove();
  await github.close();
  await small.bed.close();
});
beforeEach(() => {
  page = { comments: [], files: [], writer: { login: us } };
});

interface Asked {
  readonly with?: Step["with"];
  readonly from?: string;
  readonly actor?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly event?: string;
}

/** A step of a job of a new run, for pull request 7. */
async function planned({
  with: inputs = {},
  from = "owner/small",
  actor = "mona",
  environment = {},
  event = "pull_request",
}: Asked = {}): Promise<StepResult> {
  runId += 1;
  const { runStep } = await import("../../runner/run-step.ts");
  const pull_request = {
    number: theOnlyNumber,
    base: { repo: { full_name: "owner/small" } },
    head: { repo: { full_name: from } },
  };
  const job = checkout.job({ GITHUB_API_URL: github.url, GITHUB_ACTOR: actor, ...environment });
  const given = { command: "plan", "github-token": "ghs_secret", ...inputs };
  return runStep({ ...job, runId, event: { name: event, payload: { pull_request } } }, { action: ".", with: given });
}

const notices = ({ annotations }: StepResult): readonly string[] =>
  annotations
    .filter(({ level }) => level === "notice")
    .map(({ properties, message }) => `${properties["title"] ?? ""}: ${message}`);

describe("A plan of a pull request", () => {
  test("is one comment, written anew by the next run, with what it would do and what it costs", async () => {
    const result = await planned({ with: { prices: '{"X86_64":{"vcpu":0.04,"gb":0.004}}' } });
    expect(result.exitCode).toBe(0);
    expect(page.comments.map(({ login }) => login)).toEqual([us]);
    const body = page.comments[0]?.body ?? "";
    expect(body).toContain(`<!-- dagster-ecs plan of small/production by run ${runId}.1 -->`);
    expect(body).toContain("### Plan for small, production");
    expect(body).toMatch(/^- make image `app` of layers: /m);
    expect(body).toMatch(/^- roll `code` from small-code:1 to /m);
    expect(body).toContain("<summary>In this order: ");
    expect(body).toContain(
      `Nothing was changed. The summary of [run ${runId}](https://github.com/owner/small/actions/runs/${runId})`,
    );
    const price = JSON.parse(result.outputs["price"] ?? "") as { readonly own: boolean; readonly after: number };
    expect(price).toMatchObject({ region: "eu-central-1", currency: "USD", own: true });
    expect(price.after).toBeGreaterThan(0);
    expect(body).toContain(`Services cost ${price.after.toFixed(2)} USD a month`);
    expect(result.summary).toContain(`Services cost ${price.after.toFixed(2)} USD a month`);
    expect(result.log.join("\n")).toContain("comment created: https://github.com/owner/small/pull/7#issuecomment-1");
    expect(result.log.join("\n")).not.toContain("ghs_secret");

    await planned();
    expect(page.comments).toHaveLength(1);
    expect(page.comments[0]?.body).toContain(`run ${runId}.1 -->`);
  });

  test("is none of the branch that it would be merged into, which is what `pull_request_target` checks out", async () => {
    await planned();
    const base = checkout.git("rev-parse", "HEAD").trim();
    const result = await planned({ event: "pull_request_target", environment: { GITHUB_SHA: base } });
    expect(result.exitCode).toBe(1);
    const said = `The checkout is the branch that the pull request would be merged into, not what it brings`;
    expect(result.annotations.map(({ message }) => message).join("\n")).toContain(said);
    expect(page.comments.map(({ body }) => body).join("\n")).toContain("## No plan");
    const ofHead = await planned({ event: "pull_request_target", environment: { GITHUB_SHA: "0".repeat(40) } });
    expect(ofHead.exitCode).toBe(0);
  });

  test("asks GitHub four times, writes nothing to AWS, and takes no lock", async () => {
    const since = { aws: small.bed.calls.length, github: github.requests.length };
    await planned();
    expect(github.requests.slice(since.github).map(({ route }) => route)).toEqual([
      "GET /repos/owner/small/pulls/7/files",
      "GET /repos/owner/small/issues/7/comments",
      "POST /repos/owner/small/issues/7/comments",
      "GET /repos/owner/small/issues/7/comments",
    ]);
    const read = /^(Describe|Get|List|Head|BatchGet|BatchCheck|HEAD|GET)/;
    const writes = small.bed.calls.slice(since.aws).filter(({ operation }) => !read.test(operation));
    expect(writes.map(({ service, operation, resource }) => `${service} ${operation} ${resource}`)).toEqual([]);
  });

  test("says so when a release is under way", async () => {
    await putRecord(small, "lock.json", { ...heldLock, since: new Date().toISOString() });
    try {
      expect((await planned()).exitCode).toBe(0);
      expect(page.comments[0]?.body).toContain("**A release is under way**, by owner/small/run/77/job/deploy");
    } finally {
      await removeRecord(small, "lock.json");
    }
  });

  test("leaves what a newer run has written", async () => {
    await planned();
    const newer = page.comments[0];
    if (newer === undefined) throw new Error("nothing was written");
    newer.body = newer.body.replace(`run ${runId}.1`, "run 999999.1");
    const { body } = newer;
    const result = await planned();
    expect(result.exitCode).toBe(0);
    expect(page.comments.map((comment) => comment.body)).toEqual([body]);
    expect(result.log.join("\n")).toContain("the comment is of run 999999, attempt 1, and stays");
  });

  test("is only in the summary where no comment is wanted, or there is no token", async () => {
    const since = github.requests.length;
    for (const inputs of [{ comment: "false" }, { "github-token": "" }]) {
      const result = await planned({ with: inputs });
      expect(result.exitCode).toBe(0);
      expect(result.summary).toContain("## Plan for small, production");
    }
    expect(github.requests).toHaveLength(since);
  });

  test("that is refused tells the pull request why, and is red", async () => {
    const checks = 'checks: { run-monitoring-missing: { level: error, reason: "a test" } }\n';
    await checkout.write("dagster-stack.yml", `${stackFile()}${checks}`);
    try {
      const result = await planned();
      expect(result.exitCode).toBe(1);
      expect(result.annotations.filter(({ level }) => level === "error")).toHaveLength(1);
      expect(page.comments[0]?.body).toContain("- **error** `run-monitoring-missing`: ");
    } finally {
      await checkout.write("dagster-stack.yml", stackFile());
    }
  });
});

describe("A pull request whose newest commit has no plan", () => {
  const broken = `${stackFile()}nonsense: <img src=x onerror=alert(1)>\n`;

  test("is not shown that of an earlier one: its comment says that there is none, and why", async () => {
    await planned();
    await checkout.write("dagster-stack.yml", broken);
    try {
      const result = await planned();
      expect(result.exitCode).toBe(1);
      const [comment, ...others] = page.comments;
      expect(others).toEqual([]);
      expect(comment?.body).toContain(`<!-- dagster-ecs plan of small/production by run ${runId}.1 -->`);
      expect(comment?.body).toContain("## No plan");
      expect(comment?.body).toMatch(/nonsense/);
      expect(comment?.body).not.toContain("### Plan for");
      expect(comment?.body).not.toContain("<img");
      expect(result.log.join("\n")).toContain("comment updated: ");
    } finally {
      await checkout.write("dagster-stack.yml", stackFile());
    }
  });

  test("gets no comment where there was none", async () => {
    await checkout.write("dagster-stack.yml", broken);
    try {
      expect((await planned()).exitCode).toBe(1);
      expect(page.comments).toEqual([]);
    } finally {
      await checkout.write("dagster-stack.yml", stackFile());
    }
  });
});

describe("Definitions of a file", () => {
  const written = (change: object): Promise<void> =>
    checkout.write("definitions.json", JSON.stringify({ format: 1, location: null, repositories: [], ...change }));

  test("are not compared where no webserver runs: the comment says so, and the plan is made", async () => {
    await written({});
    const { exitCode, outputs } = await planned({ with: { definitions: "definitions.json" } });
    expect(exitCode).toBe(0);
    expect(page.comments[0]?.body).toContain(
      "Dagster definitions of `small` were not compared: No webserver runs that could be asked.",
    );
    expect(JSON.parse(outputs["dagster-definitions"] ?? "")).toMatchObject({ small: { kind: "not-compared" } });
  });

  test.each<[string, object, string, RegExp]>([
    [
      "of a location that the stack does not have",
      { location: "large" },
      "definitions.json",
      /code location "large", which/,
    ],
    ["told twice", {}, "definitions.json\nsmall=definitions.json", /Two files are of code location "small"/],
  ])("are refused when they are %s", async (_, change, definitions, words) => {
    await written(change);
    const { exitCode, annotations } = await planned({ with: { definitions } });
    expect(exitCode).toBe(1);
    const errors = annotations.filter(({ level }) => level === "error").map(({ message }) => message);
    expect(errors).toEqual([expect.stringMatching(words)]);
    expect(errors.join()).toContain("the stack has small");
  });
});

describe("Findings", () => {
  test("are annotations on lines that the pull request changes, and lines of the log elsewhere", async () => {
    const warned = async (
      files: NonNullable<FakePullRequest["files"]>,
    ): Promise<{ readonly annotated: boolean; readonly logged: boolean }> => {
      page = { comments: [], writer: { login: us }, files };
      const { annotations, log } = await planned();
      return {
        annotated: annotations.some(({ properties }) => properties["title"] === "run-monitoring-missing"),
        logged: log.some((one) => one.startsWith("warning run-monitoring-missing: ")),
      };
    };
    const patch = (at: number): string => `@@ -${at},0 +${at},1 @@\n+telemetry: { enabled: false }`;
    const [annotated, logged] = [
      { annotated: true, logged: false },
      { annotated: false, logged: true },
    ];
    expect(await warned([{ filename: "dagster.yaml", patch: patch(1) }])).toEqual(annotated);
    expect(await warned([{ filename: "dagster.yaml", patch: patch(2) }])).toEqual(logged);
    expect(await warned([{ filename: "docs/picture.png" }])).toEqual(logged);
    expect(await warned("forbidden")).toEqual(annotated);
  });
});

describe("A token that may not write", () => {
  test.each<[string, Asked, FakePullRequest["writer"] & string, RegExp]>([
    ["of a job without the permission", {}, "forbidden", /pull-requests: write/],
    ["of a fork", { from: "mallory/small" }, "forbidden", /fix: Nothing: jobs of a pull request from a fork/],
    ["of Dependabot", { actor: "dependabot[bot]" }, "forbidden", /fix: Nothing: jobs of a pull request from a fork/],
    ["that sees nothing", {}, "not found", /GitHub answers 404/],
    ["while GitHub is down", {}, "server error", /githubstatus/],
  ])("%s: the summary has the plan, a notice says so, and the job is green", async (_, asked, writer, words) => {
    page = { ...page, writer };
    const result = await planned(asked);
    expect(result.exitCode).toBe(0);
    expect(result.summary).toContain("## Plan for small, production");
    expect(notices(result).filter((text) => text.startsWith("No comment was written"))).toEqual([
      expect.stringMatching(words),
    ]);
    expect(page.comments).toEqual([]);
  });

  test("and writes as somebody else is told how its comment is found again", async () => {
    page = { ...page, writer: { login: "previews[bot]" } };
    expect(notices(await planned())).toContainEqual(expect.stringContaining("comment-author: previews[bot]"));
    expect(notices(await planned({ with: { "comment-author": "previews[bot]" } })).join()).not.toContain(
      "comment-author",
    );
    expect(page.comments).toHaveLength(1);
  });
});

describe("A pull request whose jobs get no credentials", () => {
  const role = { "role-to-assume": "arn:aws:iam::123456789012:role/plan" };

  test.each<[string, Asked]>([
    ["from a fork", { from: "mallory/small" }],
    ["of Dependabot", { actor: "dependabot[bot]" }],
  ])("%s is not planned, says so, and is green", async (_, asked) => {
    const result = await planned({ ...asked, with: role });
    expect(result.exitCode).toBe(0);
    expect(result.summary).toContain("## Not planned");
    expect(notices(result)).toEqual([
      expect.stringContaining("Not planned: Pull request 7 comes from a fork, or from Dependabot"),
    ]);
    expect(result.outputs["changed"]).toBe("false");
  });

  test("of the repository itself is red: its job lacks a permission", async () => {
    const result = await planned({ with: role });
    expect(result.exitCode).toBe(1);
    expect(result.annotations.map(({ message }) => message).join()).toContain("id-token: write");
  });
});
