/**
 * MiB that Dagster itself takes, measured of code that imports nothing else (bench/README.md, containers): whoever has less is sure to
 * run out, and whoever has as much may.
 */
const process = { webserver: 125, daemon: 100, "code-location": 100, run: 215, once: 0 } as const;
/** A process beside it for each location that a host loads itself, with another one that watches it. */
const location = 195;

/** What a process of Dagster carries. */
export interface Load {
  readonly kind: keyof typeof process;
  /** Locations that it loads itself. */
  readonly locations: number;
  /** Runs live in it. */
  readonly carriesRuns: boolean;
}

/** @returns MiB that it needs at least, one run among them, and of what they are made. */
export function leastMemory({ kind, locations, carriesRuns }: Load): {
  readonly mebibytes: number;
  readonly parts: string;
} {
  const parts: readonly (readonly [string, number])[] = [
    [kind, process[kind]],
    ...(locations > 0
      ? [
          [
            locations === 1 ? "the location that it loads" : `${locations} locations that it loads`,
            locations * location,
          ] as const,
        ]
      : []),
    ...(carriesRuns ? [["one run", process.run] as const] : []),
  ];
  return {
    mebibytes: parts.reduce((sum, [, mebibytes]) => sum + mebibytes, 0),
    parts: parts.map(([name, mebibytes]) => `${name} ${mebibytes}`).join(", "),
  };
}
