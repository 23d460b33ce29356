/** A few of the files that differ from the commit, for people. */
export function someOf(files: readonly string[]): string {
  return `${files.slice(0, 5).join(", ")}${files.length > 5 ? ", …" : ""}`;
}
