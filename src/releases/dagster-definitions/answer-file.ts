import { lstat, readFile } from "node:fs/promises";

/**
 * What `definitions/describe.py` has written to a file. No link is followed: whoever wrote the code may have made one.
 * @returns why there is none to read, as the end of a sentence, when that is no file of its kind
 */
export async function readAnswer(file: string): Promise<{ readonly text: string } | string> {
  const status = await lstat(file).catch(() => null);
  if (status === null) return "it is not there";
  if (!status.isFile()) return "it is no file of its own, but a folder or a link";
  if (status.size > answerLimit) return "it is larger than 32 MB";
  return readFile(file, "utf8").then(
    (text) => ({ text }),
    (error: unknown) => `it cannot be read (${(error as NodeJS.ErrnoException).code ?? ""})`,
  );
}

/** In bytes. */
const answerLimit = 32 * 1024 * 1024;
