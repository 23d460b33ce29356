import { parseRevision } from "../../../src/domain/verdict.ts";
import { imageUri } from "./definitions.ts";
import { deployAll, type Location, type Stack, startStack, until } from "./stack.ts";

describe("a rolling update of a code location", () => {
  let stack: Stack;
  let first: string;

  beforeAll(async () => {
    stack = await startStack();
    first = await deployAll(stack, { release: "one" });
  });

  afterAll(() => stack.bed.close());

  test("serves the old code until the new is healthy, and nothing between", async () => {
    const second = await stack.push({ release: "two" });
    await stack.deploy("code", second);
    const seen = await watchUntil(stack, () => stack.complete("code"));
    expect(imagesOf(seen)).toEqual([imageUri(stack.infrastructure, first), imageUri(stack.infrastructure, second)]);
    expect(seen.filter(({ kind }) => kind !== "loaded")).toEqual([]);
  });

  test("goes back by itself when the new code cannot be imported, while the old answers throughout", async () => {
    const before = await stack.service("code");
    const broken = await stack.push({ release: "three", broken: true });
    await stack.deploy("code", broken);
    const seen = await watchUntil(
      stack,
      async () =>
        (await stack.complete("code")) && (await stack.service("code")).taskDefinition === before.taskDefinition,
    );
    expect(seen.filter(({ kind }) => kind !== "loaded")).toEqual([]);
    expect(imagesOf(seen)).toHaveLength(1);
    const after = await stack.service("code");
    expect(after.events?.map(({ message }) => message).join("\n")).toContain(
      "deployment failed: tasks failed to start",
    );
    expect(parseRevision(after.taskDefinition ?? "")?.revision).toBe(
      parseRevision(before.taskDefinition ?? "")?.revision,
    );
    expect(await stack.logs("deal-flow-code")).toContainEqual(expect.stringContaining("a_module_that_nobody_has"));
  });
});

/** What the webserver answers, again and again, until it is over. */
async function watchUntil(stack: Stack, over: () => Promise<boolean>): Promise<readonly Location[]> {
  const seen: Location[] = [];
  await until(async () => {
    seen.push(await stack.location());
    return over();
  }, Boolean);
  seen.push(await stack.location());
  return seen;
}

/** In the order in which they came, each once for as long as it stayed. */
function imagesOf(seen: readonly Location[]): readonly string[] {
  const images = seen.flatMap((location) => (location.kind === "loaded" ? [location.image] : []));
  return images.filter((image, at) => image !== images[at - 1]);
}
