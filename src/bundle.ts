/* What dist/ starts: an action, by its name, or the command line. Each is a chunk of its own. */
// Most of them need these, and zod: named here, they are in the bundle once, and not in every chunk.
import "./domain/later.ts";
import "./domain/plan.ts";
import "./domain/release.ts";
import "./markdown/markdown.ts";
import "./releases/asked.ts";
import "./releases/asked-dags.ts";
import "./releases/time-outs.ts";
import "./stack/contract.ts";

export { start } from "./actions/start.ts";

/** @param words after the program's name */
export async function commandLine(words: readonly string[]): Promise<void> {
  const { main } = await import("./cli/main.ts");
  await main(words);
}
