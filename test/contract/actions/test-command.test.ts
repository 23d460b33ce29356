import { type Checkout, checkOut, type SmallStack, startSmallStack, writesOf } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;

beforeAll(async () => {
  small = await startSmallStack();
  checkout = await checkOut(small);
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

// That tests are run, and red ones stop a release, is shown with an engine: test/e2e/docker.

test("tests without a Docker engine are refused before an image is made", async () => {
  const since = small.bed.calls.length;
  const result = await checkout.run(
    { action: "actions/build-push-image", with: { "test-command": "pytest /checkout/tests" } },
    { DOCKER_HOST: "unix:///nowhere/docker.sock" },
  );
  expect(result.exitCode).toBe(1);
  expect(result.log.join("\n")).toContain("this job has no Docker engine");
  expect(writesOf(small, since)).toEqual([]);
});

test("tests mean nothing for one image without a stack", async () => {
  const result = await checkout.run({
    action: "actions/build-push-image",
    with: { repository: "small", "test-command": "true" },
  });
  expect(result.exitCode).toBe(1);
  expect(result.log.join("\n")).toContain("test-command would mean nothing");
});
