import { posix } from "node:path";
import { type DagsFile, type DagsFiles } from "../../domain/dags.ts";
import { type Place, UserError } from "../../domain/errors.ts";

/** Files as S3 can have them one by one, and which file of the version each of them is. */
export interface PlainFiles {
  readonly files: DagsFiles;
  /** By path: the path of the file whose bytes it has. */
  readonly origins: Readonly<Record<string, string>>;
}

/**
 * Puts in the place of each link the file that it leads to: S3 knows no links.
 * @throws UserError for a link to a folder
 */
export function withoutLinks(files: DagsFiles, where: Place | string): PlainFiles {
  const plain: Record<string, DagsFile> = {};
  const origins: Record<string, string> = {};
  for (const [path, file] of Object.entries(files)) {
    const origin = "link" in file ? endOf(files, path, where) : path;
    const end = files[origin];
    if (end === undefined) throw new Error(`${origin} is no file`);
    plain[path] = end;
    origins[path] = origin;
  }
  return { files: plain, origins };
}

function endOf(files: DagsFiles, path: string, where: Place | string): string {
  let at = path;
  for (let file = files[at]; file !== undefined && "link" in file; file = files[at]) {
    at = posix.join(posix.dirname(at), file.link);
  }
  if (files[at] !== undefined) return at;
  throw new UserError({
    what: `${path} is a link to a folder, or leads through one: a mirror has plain files only.`,
    where,
    fix: "Put the files themselves there, or publish versions, which keep links: `layout: versions`.",
  });
}
