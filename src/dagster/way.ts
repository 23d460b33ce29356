import { UserError } from "../domain/errors.ts";
import type { Reply } from "./judge.ts";

/** A request to a webserver: GraphQL, or one of its pages. */
export interface Question {
  /** Below the base: `/graphql`. */
  readonly path: string;
  /** JSON, for a POST; null: a GET. */
  readonly body: string | null;
}

/** What is sent along so that whoever stands in front of Dagster lets one in. */
export interface Sent {
  /** User and password, or headers of the login's own. */
  readonly kind: "basic" | "headers";
  /** For people: `secret shop/gates`, `the headers CF-Access-Client-Id, CF-Access-Client-Secret`. */
  readonly from: string;
}

/** A way to a webserver: what carries questions there, and answers back. */
export interface Way {
  /** Base URL, path prefix included, without a slash at its end. */
  readonly base: string;
  /** null: nothing is sent along. */
  readonly login: Sent | null;
  /** @throws DagsterUnreachable when nobody answers */
  send(question: Question): Promise<Reply>;
}

/** Nobody, or somebody who is not ready, answered: connection refused, 502 to 504, a time-out. */
export class DagsterUnreachable extends Error {
  override readonly name = "DagsterUnreachable";
}

/** Nobody answered this process itself: whether anybody is there is not known. */
export class DagsterOutOfReach extends DagsterUnreachable {
  readonly fix: string = outOfReach;
}

/** What to do where this process does not reach a webserver that runs. */
export const outOfReach =
  "When it runs, its address is not reachable from here, as behind a VPN: set `gates: { reach: task }` in the stack file, and a task in the VPC asks it; or work from where it is reached.";

/** What was to carry questions does not work: no question will be answered, whoever is asked. */
export class WayBroken extends UserError {}
