import type { ReleaseId, Sha } from "../../../src/domain/identifiers.ts";
import { emptyRelease, type Release } from "../../../src/domain/release.ts";
import { type Checkout, checkOut, putRecord, type SmallStack, startSmallStack } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;

const sha = "a".repeat(40) as Sha;
const id = `20261120T100000Z-${sha}` as ReleaseId;
const at = "2026-11-20T10:05:00.000Z";
const owner = { name: "owner/small/run/7/job/deploy", attempt: 1, url: null, run: null };

/** A release is current that names a revision which the service does not run. */
beforeAll(async () => {
  small = await startSmallStack();
  checkout = await checkOut(small);
  const source = { repository: "owner/small", sha };
  const release: Release = {
    ...emptyRelease({ id, stack: "small", environment: "production", base: null, source }),
    taskDefinitions: { "service/code": { family: "elsewhere", revision: 99, contentHash: "0".repeat(64) } },
  };
  const outcome = { schema: 1, kind: "outcome", command: "deploy", outcome: "committed", services: [], cause: null };
  await putRecord(small, `releases/${id}/outcome.json`, { ...outcome, release, owner, at });
  await putRecord(small, `index/${9_999_999_999 - Date.parse("2026-11-20T10:00:00Z") / 1000}-${id}`, "{}");
  await putRecord(small, "current.json", { schema: 1, release: id, previous: null, at });
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

test("status gives drift as a list of sentences, and the history as a list of releases; it is green", async () => {
  const { exitCode, outputs, summary, log } = await checkout.run({ with: { command: "status" } });
  expect(exitCode).toBe(0);
  expect(log).toContain(`small, production: release ${id} is current`);
  expect(log).toContain("  not as the release says: code is scaled to 0");
  expect(JSON.parse(outputs["drift"] ?? "")).toEqual([
    expect.stringMatching(/^code runs .* instead of elsewhere:99/),
    "code is scaled to 0",
  ]);
  expect(JSON.parse(outputs["history"] ?? "")).toEqual([
    {
      id,
      ended: "committed",
      command: "deploy",
      commit: sha,
      by: owner.name,
      at,
      cause: null,
      isCurrent: true,
      next: null,
    },
  ]);
  expect(summary).toContain(`deploy of \`${sha.slice(0, 12)}\``);
});

test("fail-on-drift is red for it, with what a deploy does about each", async () => {
  const step = { with: { command: "status", "fail-on-drift": "true" } };
  const { exitCode, annotations } = await checkout.run(step);
  expect(exitCode).toBe(1);
  expect(annotations).toEqual([
    expect.objectContaining({
      level: "error",
      message: expect.stringMatching(
        /instead of elsewhere:99[^]*fix: code: A deploy replaces it[^]*code: A deploy starts 1\./,
      ) as unknown,
    }),
  ]);
});

test("and is green while somebody releases", async () => {
  await putRecord(small, "lock.json", {
    schema: 1,
    holder: owner,
    since: at,
    leaseSeconds: 900,
    open: [],
    taken: null,
  });
  const { exitCode, summary } = await checkout.run({ with: { command: "status", "fail-on-drift": "true" } });
  expect(exitCode).toBe(0);
  expect(summary).toContain(`**${owner.name}** holds the lock since`);
});
