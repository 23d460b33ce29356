/** What this machine can offer to a task. */
export interface Offer {
  /** `linux/amd64` */
  readonly platform: string;
  /** Minor version of the lent Python. */
  readonly pythonMinor: string;
}

/** What a container wants to be. */
export interface Wish {
  readonly platform: string;
  readonly command: readonly string[];
  /** `PYTHON_VERSION` of its image, as Docker's Python images set it. */
  readonly pythonVersion: string | undefined;
}

/**
 * Why a container cannot be played as a process. What would only seem to work is refused, since a test would then prove
 * nothing.
 * @returns null when it can be.
 */
export function whyNot(wish: Wish, offer: Offer): string | null {
  if (wish.platform !== offer.platform) {
    const machine = `this machine, which is ${offer.platform}`;
    return `local-aws runs containers as processes of ${machine}, and cannot run ${wish.platform}.`;
  }
  const minor = wish.pythonVersion?.split(".").slice(0, 2).join(".");
  if (minor !== undefined && minor !== offer.pythonMinor) {
    return `local-aws lends this machine's Python ${offer.pythonMinor}; the image was made for Python ${minor}.`;
  }
  const option = wish.command.find((word) => fileOptions.has(word.split("=")[0] ?? ""));
  if (isCodeServer(wish.command) && option !== undefined) {
    return [
      `local-aws cannot play a Dagster code server started with ${option}: absolute paths go into the origin of its`,
      "runs, which would then load this task's code whatever image they have. Use --module-name.",
    ].join(" ");
  }
  return null;
}

/** Options that put an absolute path into what runs are launched from. */
const fileOptions = new Set(["-f", "--python-file", "-d", "--working-directory"]);

/** `dagster api grpc …`, `dagster code-server start …` */
function isCodeServer(command: readonly string[]): boolean {
  const text = ` ${command.join(" ")} `;
  return text.includes(" api grpc ") || text.includes(" code-server start ");
}
