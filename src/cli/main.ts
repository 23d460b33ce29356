import { processContext } from "../programs/this-process.ts";
import { resultIn } from "../releases/result-in.ts";
import { confirm } from "./confirm.ts";
import type { FailureDocument } from "./documents.ts";
import { cancelled, exitCodeOf, failureOf, wordsOfFailure } from "./failure.ts";
import type { OptionName } from "./options.ts";
import { parse, type Typed } from "./parse.ts";
import { documentOf, wordsOfServices } from "./release.ts";
import type { Progress } from "../domain/context.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import type { Here } from "./verb.ts";
import { verbs } from "./verbs.ts";
import { inOptions, inOptionsOf } from "./words.ts";

/** Milliseconds that a command has after Ctrl-C: as long as GitHub gives a step. */
const grace = 10_000;

/** Runs one command; the one place where an error becomes an exit code. */
export async function main(words: readonly string[]): Promise<void> {
  // Whoever reads along may go away, `head` say: that must not end a release.
  let isRead = true;
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", () => (isRead &&= stream !== process.stdout));
  const terminal = openTerminal(process.stdout, process.stderr, process.env);
  let taken: readonly OptionName[] = [];
  const context = processContext((progress) => terminal.report(atDesk(progress, taken)));
  const isJson = words.includes("--json");
  let isWatch = false;
  context.signal.addEventListener("abort", () => endSoon(terminal, isJson, isWatch));
  try {
    const typed = parse(words, verbs);
    if (typed.kind === "run") taken = typed.verb.options;
    isWatch = typed.kind === "run" && typed.texts["follow"] === "true";
    if (typed.kind === "help") terminal.print([typed.text]);
    else
      await carryOut(terminal, typed, {
        context,
        folder: process.cwd(),
        variables: process.env,
        quote: typed.json
          ? null
          : (from, text) => {
              terminal.quote(from, text);
              return isRead;
            },
        confirm:
          typed.json || ![process.stdin, process.stdout, process.stderr].every(({ isTTY }) => isTTY)
            ? null
            : (shown, question) => {
                terminal.print(shown);
                return confirm(question, context.signal);
              },
      });
  } catch (error) {
    const failure = failureOf(error, (text) => inOptions(text, taken));
    const result = resultIn(error);
    if (isJson) {
      const release = result === null ? null : documentOf(result);
      terminal.document({ error: failure, release } satisfies FailureDocument);
    } else {
      terminal.complain([...wordsOfFailure(failure), ...(result === null ? [] : wordsOfServices(result))]);
    }
    process.exitCode = context.signal.aborted ? cancelled : exitCodeOf(failure);
  } finally {
    terminal.close();
  }
}

/** Advice is for who sits here, and not for who writes a workflow. */
function atDesk(progress: Progress, taken: readonly OptionName[]): Progress {
  return progress.kind === "finding" ? { kind: "finding", finding: inOptionsOf(progress.finding, taken) } : progress;
}

async function carryOut(
  terminal: Terminal,
  { verb, texts, json }: Extract<Typed, { kind: "run" }>,
  here: Here,
): Promise<void> {
  const { lines, document, exitCode } = await verb.run(texts, here);
  if (json) terminal.document(document);
  else terminal.print(lines);
  process.exitCode = exitCode;
}

/** What is being closed is not waited for longer than a runner would. @param isWatch Ctrl-C is how it ends, and nothing is open */
function endSoon(terminal: Terminal, isJson: boolean, isWatch: boolean): void {
  if (!isWatch)
    terminal.report({ kind: "line", text: "cancelled: closing what is open, which takes ten seconds at most" });
  const end = (): void => {
    const what = "What is open could not be closed in ten seconds; the next release goes on from there.";
    const error = { kind: "cancelled", what, where: null, fix: null } as const;
    if (isJson) terminal.document({ error, release: null } satisfies FailureDocument);
    else terminal.complain(wordsOfFailure(error));
    process.exit(cancelled);
  };
  setTimeout(end, grace).unref();
}
