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
  const width = b.length + 1;
  let [older, old, current] = [new Uint32Array(width), new Uint32Array(width), new Uint32Array(width)];
  for (let column = 0; column < width; column++) current[column] = column;
  let leastBefore = 0;
  for (let row = 1; row <= a.length; row++) {
    [older, old, current] = [old, current, older];
    current[0] = row;
    let least = row;
    let left = row;
    let above = old[0] ?? 0;
    const [letter, before] = [a.charCodeAt(row - 1), a.charCodeAt(row - 2)];
    for (let column = 1; column < width; column++) {
      const other = b.charCodeAt(column - 1);
      const diagonal = above;
      above = old[column] ?? 0;
      let slips = (above < left ? above : left) + 1;
      const replaced = letter === other ? diagonal : diagonal + 1;
      if (replaced < slips) slips = replaced;
      if (before === other && letter === b.charCodeAt(column - 2)) {
        const swapped = (older[column - 2] ?? 0) + 1;
        if (swapped < slips) slips = swapped;
      }
      current[column] = slips;
      left = slips;
      if (slips < least) least = slips;
    }
    // What follows is made of the last two rows, and is never less than they are.
    if (Math.min(least, leastBefore) > most) return least;
    leastBefore = least;
  }
  return current[b.length] ?? 0;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
