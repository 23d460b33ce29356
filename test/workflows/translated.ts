/**
 * A workflow in the words of tools that do not know the newest syntax: nektos/act 0.2.87 and actionlint 1.7.12 refuse `uses: $/…` and
 * `concurrency.queue`. Neither plays a queue, and a sibling by another name is the same sibling.
 * @param sibling how an action of this repository is named there
 */
export function translated(text: string, sibling: (path: string) => string): string {
  return text
    .replaceAll(/(uses: )\$\/(\S+)/g, (_whole, uses: string, path: string) => `${uses}${sibling(path)}`)
    .replaceAll(/^ +queue: max\n/gm, "");
}
