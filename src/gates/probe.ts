import type { Reply } from "../dagster/judge.ts";
import { DagsterUnreachable, type Sent, type Way } from "../dagster/way.ts";
import type { Context } from "../domain/context.ts";
import { type Asker, type AskerClients, type AskerRequest, refusedBy, startAsker } from "./probe/asker.ts";

/** A webserver that is asked by a task. */
export interface ProbeRequest {
  /** Its base URL as tasks in the VPC reach it. */
  readonly url: string;
  /** What the task sends along to it; null: nothing. */
  readonly login: Sent | null;
  /** What the task is made of, looked up when it is started: the webserver's definition may be another one then. */
  readonly task: () => Promise<AskerRequest>;
}

/** A way that leaves a task behind, unless it is closed. */
export interface Probe extends Way {
  /** The same task asks another base URL. */
  at(url: string): Way;
  /** Stops the task. */
  close(): Promise<void>;
}

/** Tasks in a row that may end without an answer: one can have met a bad moment of AWS. */
const mostUseless = 2;

/**
 * Asks a webserver through one task inside the VPC, started at the first question and kept for all that follow. What it prints is
 * carried back as it came: judging it is the same, whoever has asked.
 */
export function probe(clients: AskerClients, context: Context, { url, login, task }: ProbeRequest): Probe {
  const base = url.replace(/\/+$/, "");
  let live: Promise<Asker> | null = null;
  let useless = 0;
  const start = async (): Promise<Asker> => startAsker(clients, context, await task(), base);
  /** One that can be asked. */
  const asker = async (): Promise<Asker> => {
    live ??= start();
    try {
      return await live;
    } catch (error) {
      live = null;
      throw error;
    }
  };
  const replaced = async (mine: Asker): Promise<void> => {
    const over = await mine.over();
    if (over === null || (await live) !== mine) return;
    live = null;
    useless = over.hasAnswered ? 0 : useless + 1;
    if (over.repeats || useless >= mostUseless) throw refusedBy(over, base);
  };
  const ask = async (question: { readonly url: string; readonly body: string | null }): Promise<Reply> => {
    context.signal.throwIfAborted();
    let mine = await asker();
    await replaced(mine);
    mine = await asker();
    try {
      return await mine.ask(question);
    } catch (error) {
      if (error instanceof DagsterUnreachable) await replaced(mine);
      throw error;
    }
  };
  const wayTo = (to: string, login: Sent | null): Way => ({
    base: to,
    login,
    send: ({ path, body }) => ask({ url: `${to}${path}`, body }),
  });
  return {
    ...wayTo(base, login),
    at: (to) => wayTo(to, null),
    close: async () => {
      const mine = await live?.catch(() => null);
      live = null;
      await mine?.close();
    },
  };
}
