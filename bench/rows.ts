/** One figure of ours, and a peer's from the same run. */
export interface Row {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  /** null: there is no peer for this, or it was not there to be measured. */
  readonly peer: number | null;
  readonly peerName: string | null;
  /** Ours divided by the peer's. */
  readonly ratio: number | null;
}

export function row(
  name: string,
  unit: string,
  ours: number,
  peer: { readonly name: string; readonly value: number } | null,
): Row {
  return {
    case: name,
    unit,
    ours,
    peer: peer?.value ?? null,
    peerName: peer?.name ?? null,
    ratio: peer === null ? null : ours / peer.value,
  };
}

/** A table in Markdown, as bench/README.md has it. */
export function printRows(name: string, rows: readonly Row[]): void {
  const lines = rows.map((one) => [
    one.case,
    one.unit,
    figure(one.ours),
    one.peer === null ? "not measured" : figure(one.peer),
    one.peerName ?? "",
    one.ratio === null ? "" : one.ratio.toFixed(2),
  ]);
  const table = [
    ["case", "unit", "ours", "peer", "which peer", "ratio"],
    ["---", "---", "---:", "---:", "---", "---:"],
    ...lines,
  ];
  console.log(`## ${name}\n`);
  for (const cells of table) console.log(`| ${cells.join(" | ")} |`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

function figure(value: number): string {
  return value >= 1000
    ? Math.round(value).toLocaleString("en-US")
    : value >= 100
      ? value.toFixed(0)
      : value.toFixed(value >= 10 ? 1 : 3);
}
