/** What an exit code usually means, whoever exits with it. */
export interface ExitAdvice {
  /** As a clause. */
  readonly what: string;
  readonly fix: string;
  readonly source: string;
}

const bash = "https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html";

const byCode: ReadonlyMap<number, ExitAdvice> = new Map([
  [
    126,
    {
      what: "the program was found, and may not be run",
      fix: "Check its mode and its first line, and that it is made for the task's CPU architecture.",
      source: bash,
    },
  ],
  [
    127,
    {
      what: "the program was not found in the image",
      fix: "Check `command` and `entryPoint` of the definition, and PATH in the image.",
      source: bash,
    },
  ],
  [
    137,
    {
      what: "it was killed, and not for its own memory limit, or ECS would say so",
      fix: "Look whether the task, or the host it ran on, was out of memory; and whether it had ended within its `stopTimeout` when it was told to.",
      source: "https://repost.aws/knowledge-center/ecs-task-container-exit-code-137",
    },
  ],
  [
    139,
    {
      what: "a library crashed (SIGSEGV)",
      fix: "Usually a compiled package does not fit the image: install it for the image's Python, libc and CPU architecture.",
      source: "https://man7.org/linux/man-pages/man7/signal.7.html",
    },
  ],
]);

/** @returns null for a code that says nothing by itself. */
export function exitAdviceOf(code: number): ExitAdvice | null {
  return byCode.get(code) ?? null;
}
