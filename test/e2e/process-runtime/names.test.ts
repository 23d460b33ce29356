import { imageUri } from "./definitions.ts";
import { type Location, type Stack, startStack, until } from "./stack.ts";

describe("a name behind which two tasks stand", () => {
  let stack: Stack;
  let first: string;
  let second: string;

  beforeAll(async () => {
    stack = await startStack({ overlapSeconds: 15, namePolicy: "oldest" });
    const [one, two] = [await stack.push({ release: "one" }), await stack.push({ release: "two" })];
    [first, second] = [imageUri(stack.infrastructure, one), imageUri(stack.infrastructure, two)];
    await Promise.all((["code", "webserver"] as const).map((key) => stack.deploy(key, one)));
    await until(() => stack.complete("code", "webserver"), Boolean);
    await until(() => stack.location(), isOf(first));
    await stack.deploy("code", two);
    await until(
      () => addresses(stack),
      ({ size }) => size === 2,
    );
  });

  afterAll(() => stack.bed.close());

  test("gives now one and now the other, which a webserver shows as the new code and then the old again", async () => {
    stack.bed.names.policy = "newest";
    await until(() => stack.location(), isOf(second));
    stack.bed.names.policy = "oldest";
    await until(() => stack.location(), isOf(first));
    expect((await addresses(stack)).size).toBe(2);
    expect(await stack.complete("code")).toBe(false);
  });

  test("gives the new one only when the old has left", async () => {
    await until(() => stack.complete("code"), Boolean);
    expect((await addresses(stack)).size).toBe(1);
    await until(() => stack.location(), isOf(second));
  });
});

/** What sixty-four look-ups at random give. */
async function addresses({ bed }: Stack): Promise<ReadonlySet<string>> {
  const { policy } = bed.names;
  bed.names.policy = "random";
  const resolved = Array.from({ length: 64 }, () => bed.names.resolve("code.deal-flow.local"));
  bed.names.policy = policy;
  return new Set(resolved.flatMap((answer) => (answer.kind === "address" ? [answer.address] : [])));
}

function isOf(image: string): (location: Location) => boolean {
  return (location) => location.kind === "loaded" && location.image === image;
}
