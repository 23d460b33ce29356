import { UserError } from "../domain/errors.ts";
import type { Reply } from "./judge.ts";

/** A request to a webserver: GraphQL, or one of its pages. */
export interface Question {
  /** Below the base: `/graphql`. */
  readonly path: string;
  /** JSON, for a POST; null: a GET. */
  readonly body: string | null;
}

/** A way to a webserver: what carries questions there, and answers back. */
export interface Way {
  /** Base URL, path prefix included, without a slash at its end. */
  readonly base: string;
  /** Where user and password are from that are sent along, for people; null: none are. */
  readonly login: string | null;
  /** @throws DagsterUnreachable when nobody answers */
  send(question: Question): Promise<Reply>;
}

/** Nobody, or somebody who is not ready, answered: connection refused, 502 to 504, a time-out. */
export class DagsterUnreachable extends Error {
  override readonly name = "DagsterUnreachable";
}

/** What was to carry questions does not work: no question will be answered, whoever is asked. */
export class WayBroken extends UserError {}
