/** Size of a task. */
export interface Size {
  /** CPU units: 1024 are one vCPU. */
  readonly cpu: number;
  /** MiB. */
  readonly memory: number;
}

/**
 * CPU units to the least memory, the most, and the step between, in MiB. Source: "Troubleshoot Amazon ECS task
 * definition invalid CPU or memory errors" in the Amazon ECS Developer Guide.
 */
const fargate: readonly (readonly [cpu: number, least: number, most: number, step: number])[] = [
  [256, 512, 2048, 512],
  [512, 1024, 4096, 1024],
  [1024, 2048, 8192, 1024],
  [2048, 4096, 16_384, 1024],
  [4096, 8192, 30_720, 1024],
  [8192, 16_384, 61_440, 4096],
  [16_384, 32_768, 122_880, 8192],
];

/** The smallest size of Fargate that holds one which it does not offer; null: none is as large. */
export function nearestSize({ cpu, memory }: Size): Size | null {
  for (const [units, least, most, step] of fargate) {
    if (units < cpu || most < memory) continue;
    const steps = Math.max(0, Math.ceil((memory - least) / step));
    const size = least + steps * step;
    return { cpu: units, memory: units === 256 && size === 1536 ? 2048 : size };
  }
  return null;
}

/** Why Fargate would refuse a size, after a path: "is …"; null when it would not. */
export function sizeProblem({ cpu, memory }: Size): { readonly what: string; readonly fix: string } | null {
  const row = fargate.find(([units]) => units === cpu);
  if (row === undefined) {
    return {
      what: `is ${cpu} CPU units, which Fargate does not offer`,
      fix: `Use one of ${fargate.map(([units]) => units).join(", ")}.`,
    };
  }
  const [, least, most, step] = row;
  // 256 CPU units come with 512, 1024 or 2048 MiB, and not with 1536.
  const offered = Array.from({ length: (most - least) / step + 1 }, (_, index) => least + index * step).filter(
    (size) => cpu !== 256 || size !== 1536,
  );
  if (offered.includes(memory)) return null;
  const higher = offered.find((size) => size >= memory);
  return {
    what: `is ${memory} MiB, which Fargate does not offer with ${cpu} CPU units`,
    fix: higher === undefined ? `Use at most ${most}, or more CPU units.` : `Use ${higher}, the next that it offers.`,
  };
}
