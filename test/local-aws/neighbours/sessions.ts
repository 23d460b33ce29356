import type { Fault } from "../faults.ts";

/** A session of a role, as STS gave it. */
export interface Session {
  readonly accessKeyId: string;
  readonly sessionToken: string;
  /** Name of the role. */
  readonly role: string;
  /** As whoever assumed the role calls it. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** Who makes a call. In this bed an access key that STS did not give is the name of a role, and never ends. */
export interface Caller {
  /** Name of the role. */
  readonly role: string;
  readonly session: string;
  readonly state: "good" | "expired" | "unknown";
}

/**
 * @param sessionToken that came with the call; null: nobody looked
 * @param now milliseconds since 1970
 */
export function callerOf(
  sessions: ReadonlyMap<string, Session>,
  accessKeyId: string,
  sessionToken: string | null,
  now: number,
): Caller {
  const session = sessions.get(accessKeyId);
  if (session === undefined) return { role: accessKeyId, session: "local-aws", state: "good" };
  const state =
    sessionToken !== null && sessionToken !== session.sessionToken
      ? "unknown"
      : session.endsAt <= now
        ? "expired"
        : "good";
  return { role: session.role, session: session.name, state };
}

/** What a call meets whose credentials are not good, as a fault that strikes it. */
export function refusedCaller(state: Caller["state"]): readonly Fault[] {
  switch (state) {
    case "good":
      return [];
    case "expired":
      return [{ on: "*", what: { kind: "expired-token" } }];
    case "unknown": {
      const message = "The security token included in the request is invalid.";
      return [{ on: "*", what: { kind: "error", name: "InvalidClientTokenId", message, status: 403 } }];
    }
  }
}

/** Whoever looks after the account while a test runs: nothing strikes their calls, and nobody records them. */
export const administrator = "administrator";

export function assumedRoleArn(account: string, role: string, session = "local-aws"): string {
  return `arn:aws:sts::${account}:assumed-role/${role}/${session}`;
}
