import { type FakeGithub, type Refusal, type RunStatus, startFakeGithub } from "../../github/fake-github.ts";
import {
  type Checkout,
  checkOut,
  heldLock,
  putRecord,
  readLock,
  removeRecord,
  type SmallStack,
  startSmallStack,
  writesOf,
} from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
let github: FakeGithub;
let status: RunStatus | null | Refusal;

const register = { action: "actions/register-task-def", with: { "github-token": "ghs_secret" } };

beforeAll(async () => {
  small = await startSmallStack();
  github = await startFakeGithub({ run: () => status });
  checkout = await checkOut(small);
  const made = await checkout.run({ action: "actions/build-push-image" });
  expect(made.exitCode).toBe(0);
});
afterAll(async () => {
  await checkout.remove();
  await github.close();
  await small.bed.close();
});
beforeEach(() => putRecord(small, "lock.json", heldLock));
afterEach(() => removeRecord(small, "lock.json"));

test.each<[string, RunStatus | null | Refusal]>([
  ["is in progress", "in_progress"],
  ["is queued", "queued"],
  ["is requested", "requested"],
  ["waits", "waiting"],
  ["is pending", "pending"],
  ["has no status", null],
  ["is not known, or not to be read", "not found"],
  ["may not be read", "forbidden"],
  ["cannot be told of now", "server error"],
])("nobody takes over the lock of a run that, GitHub says, %s", async (_, said) => {
  status = said;
  const since = small.bed.calls.length;
  const result = await checkout.run(register, { GITHUB_API_URL: github.url });
  expect(result.exitCode).toBe(1);
  expect(result.annotations.map(({ message }) => message).join("\n")).toContain(
    `The stack is locked by ${heldLock.holder.name}`,
  );
  expect(writesOf(small, since)).toEqual([]);
  expect(await readLock(small)).toEqual(heldLock);
  expect(github.requests.at(-1)).toEqual({
    route: "GET /repos/owner/small/actions/runs/77",
    authorization: "token ghs_secret",
  });
});

test("nobody asks GitHub who has no token", async () => {
  const before = github.requests.length;
  const result = await checkout.run({ action: register.action }, { GITHUB_API_URL: github.url });
  expect(result.exitCode).toBe(1);
  expect(github.requests).toHaveLength(before);
  expect(await readLock(small)).toEqual(heldLock);
});

test("the lock of a run that GitHub says is over is taken over at once", async () => {
  status = "completed";
  const result = await checkout.run(register, { GITHUB_API_URL: github.url });
  expect(result.exitCode).toBe(0);
  expect(result.log.join("\n")).toContain(`the workflow run of ${heldLock.holder.name} is over: taking the lock over`);
  expect(result.log.join("\n")).not.toContain("ghs_secret");
  expect((await readLock(small))?.holder?.name).toMatch(/^owner\/small\/run\/1\d\d\//);
});
