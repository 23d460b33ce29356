import * as z from "zod";
import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { askUntil, type GateResult } from "./gate.ts";

export interface WebserverExpectation {
  /** Key of the service. */
  readonly service: string;
  readonly timeoutSeconds: number;
}

/** `/server_info` of every Dagster since 1.0; any other path answers 200 with a web page, and proves nothing. */
const serverInfo = z.object({ dagster_webserver_version: z.string() });

/** Passes when the webserver, through its own address, says which version it is. Code locations have a gate of their own. */
export function webserverGate(dagster: Dagster, context: Context, expected: WebserverExpectation): Promise<GateResult> {
  return askUntil(
    context,
    { gate: "webserver", on: expected.service, timeoutSeconds: expected.timeoutSeconds },
    async () => {
      const info = serverInfo.safeParse(await dagster.serverInfo());
      if (!info.success) return { waiting: "what answers is not Dagster's webserver" };
      return { seen: `Dagster ${info.data.dagster_webserver_version}`, since: context.clock.now() };
    },
    (waiting) => ({
      cause: {
        id: "webserver-unreachable",
        what: `The webserver does not answer after ${expected.timeoutSeconds} s: ${waiting}.`,
        fix: "Its address must be reachable from this runner; behind a VPN, use a runner inside the VPC.",
      },
      evidence: [],
    }),
  );
}
