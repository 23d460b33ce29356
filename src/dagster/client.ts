import type * as z from "zod";
import type { Context } from "../domain/context.ts";
import { type Advice, UserError } from "../domain/errors.ts";
import { type DagsterAddress, httpWay } from "./http.ts";
import { errorsIn, judgeReply } from "./judge.ts";
import { DagsterUnreachable, type Way } from "./way.ts";

export type { DagsterAddress, Login } from "./http.ts";
export { DagsterOutOfReach, DagsterUnreachable, outOfReach, type Way } from "./way.ts";

/** A GraphQL document with what its answer must look like. */
export interface Document<Answer> {
  readonly name: string;
  readonly text: string;
  readonly answer: z.ZodType<Answer>;
}

export interface Dagster {
  /**
   * Asks once.
   * @throws DagsterUnreachable when there is no answer of a Dagster: worth another try.
   * @throws UserError when the answer is a login page, or an error of the document.
   */
  ask<Answer>(document: Document<Answer>, variables?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** `GET /server_info`. @throws as `ask` does. */
  serverInfo(): Promise<unknown>;
}

/** Dagster's webserver, asked by this process. */
export function dagster(address: DagsterAddress, context: Context): Dagster {
  return dagsterOver(httpWay(address, context));
}

/** GraphQL as Dagster's webserver speaks it, whoever carries question and answer. */
export function dagsterOver(way: Way): Dagster {
  const { base } = way;
  const exchange = async (path: string, body: string | null): Promise<Readonly<Record<string, unknown>>> => {
    const url = `${base}${path}`;
    const judged = judgeReply(await way.send({ path, body }), url, way.login);
    switch (judged.kind) {
      case "json":
        return judged.json;
      case "weather":
        throw new DagsterUnreachable(judged.what);
      case "refused":
        throw new UserError(judged.advice);
    }
  };
  return {
    ask: async (document, variables = {}) => {
      const body = JSON.stringify({ operationName: document.name, query: document.text, variables });
      const data = dataOf(await exchange("/graphql", body), document, base);
      const answer = document.answer.safeParse(data);
      if (answer.success) return answer.data;
      const issue = answer.error.issues[0];
      throw new UserError({
        what: `Dagster's answer to ${document.name} has another shape than this version knows: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}.`,
        where: base,
        fix: "Use a Dagster of 1.9 or newer; if it is one, please report this.",
      });
    },
    serverInfo: () => exchange("/server_info", null),
  };
}

/** The webserver does not know what a document asks for, or fails over it. */
export class QuestionRefused extends UserError {
  /** Name of the document. */
  readonly document: string;

  constructor(document: string, advice: Advice) {
    super(advice);
    this.document = document;
  }
}

function dataOf(json: Readonly<Record<string, unknown>>, document: Document<unknown>, base: string): unknown {
  const { data, errors } = json;
  if (data !== undefined && data !== null && errors === undefined) return data;
  const said = errorsIn(json);
  throw new QuestionRefused(document.name, {
    what: `Dagster refuses the query ${document.name}: ${said.length > 0 ? said.join("; ") : "it answers without data"}`,
    where: base,
    fix: "Use a Dagster of 1.9 or newer; if it is one, please report this.",
  });
}
