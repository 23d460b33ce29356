import { atAddress } from "../tasks/every-address.ts";

/**
 * What stands for the image's own paths and for "every address" when its processes run beside all others of the
 * machine.
 */
export interface Substitution {
  /** Address of the task. */
  readonly address: string;
  /** Where a path of the image really is; null when the image has nothing of it, so that it is the machine's. */
  readonly locate: (path: string) => string | null;
}

/** An absolute path at the start of a word, or behind what separates words in lists, assignments, JSON and Python. */
const pathInText = /(?<=^|[\s:=,;"'([])\/(?!\/)[^\s:=,;"')\]]*/g;

/**
 * One value of an environment, one word of a command, or a folder, as it must be outside the image. Never file
 * contents.
 */
export function substitute(text: string, { address, locate }: Substitution): string {
  return atAddress(
    text.replace(pathInText, (path) => locate(path) ?? path),
    address,
  );
}
