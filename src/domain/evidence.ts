import type { Instant } from "./identifiers.ts";
import { hideSecrets } from "./redaction.ts";

/**
 * Text that somebody else wrote: logs, service events, commit messages, branch names, definitions of a pull request.
 * An object, so that the compiler refuses it where a string is wanted: `text.untrusted` may be matched anywhere, and becomes
 * text for people only in `markdown/`, `github/` and `cli/`, which escape it for where it lands.
 */
export interface Untrusted {
  readonly untrusted: string;
}

/** Marks foreign text as such. What only a secret looks like is not in it: it is shown to everybody who sees the log. */
export function untrusted(text: string): Untrusted {
  return { untrusted: hideSecrets(text) };
}

/** Something that was seen, quoted and not interpreted. */
export interface Evidence {
  readonly kind: "event" | "task" | "log" | "graphql" | "target" | "call";
  readonly at: Instant;
  /** What it is about: a service, a task id and container, a location. Our own words. */
  readonly subject: string;
  readonly text: Untrusted;
  /** Where all of it stands. Absent: nowhere else, or not known. */
  readonly page?: string;
}
