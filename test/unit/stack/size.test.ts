import { sizeProblem } from "../../../src/stack/size.ts";

describe("a size that Fargate offers", () => {
  test.each([
    [256, [512, 1024, 2048]],
    [512, [1024, 2048, 3072, 4096]],
    [1024, [2048, 8192]],
    [2048, [4096, 16_384]],
    [4096, [8192, 30_720]],
    [8192, [16_384, 20_480, 61_440]],
    [16_384, [32_768, 40_960, 122_880]],
  ])("%i CPU units", (cpu, memories) => {
    for (const memory of memories) expect(sizeProblem({ cpu, memory })).toBeNull();
  });
});

describe("a size that it does not offer", () => {
  test.each([
    [128, 512, "is 128 CPU units, which Fargate does not offer", "Use one of 256, 512, 1024, 2048, 4096, 8192, 16384."],
    [256, 1536, "is 1536 MiB, which Fargate does not offer with 256 CPU units", "Use 2048, the next that it offers."],
    [512, 512, "is 512 MiB, which Fargate does not offer with 512 CPU units", "Use 1024, the next that it offers."],
    [
      8192,
      17_408,
      "is 17408 MiB, which Fargate does not offer with 8192 CPU units",
      "Use 20480, the next that it offers.",
    ],
    [256, 4096, "is 4096 MiB, which Fargate does not offer with 256 CPU units", "Use at most 2048, or more CPU units."],
  ])("%i CPU units with %i MiB", (cpu, memory, what, fix) =>
    expect(sizeProblem({ cpu, memory })).toEqual({ what, fix }),
  );
});
