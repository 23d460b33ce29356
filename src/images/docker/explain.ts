import * as z from "zod";
import { untrusted } from "../../domain/evidence.ts";
import type { Finding } from "../../domain/finding.ts";

/** What a build's checks have found, as buildx writes it; texts in base64. @see https://docs.docker.com/build/checks/ */
export const warningsSchema = z.array(
  z.looseObject({
    short: z.string().default(""),
    detail: z.array(z.string()).nullish(),
    url: z.string().nullish(),
    range: z.array(z.looseObject({ start: z.looseObject({ line: z.int().positive() }) })).nullish(),
  }),
);

/**
 * Warnings of BuildKit about the Dockerfile, at its lines. Their texts hold pieces of the Dockerfile. A base of another architecture is
 * an error: BuildKit calls the image one of the wanted architecture all the same, and a container of it starts and fails.
 */
export function warningFindings(warnings: z.infer<typeof warningsSchema>, dockerfile: string): readonly Finding[] {
  return warnings.map(({ short, detail, url, range }) => {
    const [fix] = (detail ?? []).map(decoded);
    const said = decoded(short);
    const source = url?.startsWith("https://docs.docker.com/") === true ? url : null;
    return {
      id: "dockerfile-check",
      level: said.startsWith("InvalidBaseImagePlatform") ? "error" : "warning",
      where: { file: dockerfile, line: range?.[0]?.start.line ?? 1, column: 1 },
      what: `BuildKit says of the Dockerfile: ${said}.`.replace(/\.\.$/, "."),
      fix: fix === undefined || fix === "" ? "See Docker's page of this check." : fix,
      ...(source === null ? {} : { source }),
    };
  });
}

/** The last of what a program calls an error, else its last line. Without colours, cut when it is long. Null when it said nothing. */
export function lastError(errors: string): string | null {
  const error = wholeLastError(errors);
  return error === null ? null : cut(error);
}

function wholeLastError(errors: string): string | null {
  const lines = errors
    .split(/\r?\n/)
    .map((line) => plain(line))
    .filter((line) => line !== "");
  const error = lines.findLast((line) => /^(error|failed)\b/i.test(line)) ?? lines.at(-1);
  return error === undefined ? null : error.replace(/^error:\s*/i, "");
}

/**
 * Did this registry not let the builder in? ECR says 403 to a password that has expired, others 401. Other registries are not meant, nor
 * what a command of the Dockerfile has met.
 * @param host with its port, where it has one
 */
export function isNotLetIn(errors: string, host: string): boolean {
  const error = wholeLastError(errors) ?? "";
  if (error.includes("did not complete successfully")) return false;
  // `https://host/v2/…`, `host/app:1`, `host: …`; and not as a part of another one's name.
  if (!error.split(/[^\w.:-]+/).some((word) => word.replace(/[.:]+$/, "") === host)) return false;
  return /\b(401 Unauthorized|403 Forbidden|authorization token has expired|no basic auth credentials|authorization failed)\b/i.test(
    error,
  );
}

/** Was all built, and the push of it refused? */
export function isOfPush(errors: string): boolean {
  return /\bfailed to push\b/.test(wholeLastError(errors) ?? "");
}

function decoded(text: string): string {
  return cut(plain(Buffer.from(text, "base64").toString()));
}

/** One line of printable text. */
function plain(text: string): string {
  return untrusted(text)
    .untrusted.replaceAll(/[^\x20-\x7e\u00a0-\uffff]+/g, " ")
    .trim();
}

function cut(line: string): string {
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

const longest = 400;
