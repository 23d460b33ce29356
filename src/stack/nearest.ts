/**
 * The name that was probably meant, or null when none is near: at most one slip for every three letters. Case, and `_`
 * for `-`, do not count.
 */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const wanted = fold(name);
  let best: { readonly candidate: string; readonly slips: number } | null = null;
  const allowed = Math.min(Math.max(1, Math.floor(wanted.length / 3)), wanted.length - 1);
  for (const candidate of candidates) {
    const most = best === null ? allowed : best.slips - 1;
    if (Math.abs(candidate.length - wanted.length) > most) continue;
    const slips = distance(wanted, fold(candidate), most);
    if (slips <= most) best = { candidate, slips };
  }
  return best?.candidate ?? null;
}

/**
 * How many letters must be put in, left out, replaced or swapped with their neighbour to make one text of the other
 * (optimal string alignment, after Damerau and Levenshtein).
 * @param most where more are not told apart: the answer is then any number above it
 */
export function distance(a: string, b: string, most = Infinity): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  let leastBefore = 0;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let least = row;
    rows.push(current);
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const slips = Math.min(
        cell(row - 1, column) + 1,
        cell(row, column - 1) + 1,
        cell(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? cell(row - 2, column - 2) + 1 : Infinity,
      );
      current.push(slips);
      least = Math.min(least, slips);
    }
    // What follows is made of the last two rows, and is never less than they are.
    if (Math.min(least, leastBefore) > most) return least;
    leastBefore = least;
  }
  return cell(a.length, b.length);
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
