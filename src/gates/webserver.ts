import * as z from "zod";
import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Cause } from "../domain/verdict.ts";
import { type Attempt, askUntil, type GateResult } from "./gate.ts";
import { isOtherVersion, judgeWebservers, type Told } from "./webservers/judge.ts";

export interface WebserverExpectation {
  /** Key of the service. */
  readonly service: string;
  /** How each of its tasks is asked by itself; null: only its address is asked. */
  readonly each: EachWebserver | null;
  /** Version of Dagster that its image has; null: nothing tells. */
  readonly version: string | null;
  readonly timeoutSeconds: number;
}

/** The tasks of a webserver, one by one. */
export interface EachWebserver {
  /** Where the tasks that run are reached in the VPC, as it is now; null: they have no addresses of their own. */
  readonly urls: () => Promise<readonly string[] | null>;
  readonly at: (url: string) => Dagster;
  /** It is asked from inside the VPC: who does not answer is not well. */
  readonly isInside: boolean;
  /** The stack file says so; else none of them need be reached. */
  readonly isRequired: boolean;
  /** Where the stack file wants it. */
  readonly place: Place;
}

/** `/server_info` of every Dagster since 1.0; any other path answers 200 with a web page, and proves nothing. */
export const serverInfo = z.object({ dagster_webserver_version: z.string(), dagster_version: z.string().optional() });

/** So long, in milliseconds, addresses in the VPC are tried, none of which answers, where that may be. */
const patience = 20_000;

/**
 * Passes when the webserver, through its own address, says which version it is, the one of its image where that is known, and so does
 * each of its tasks where that is wanted. Code locations have a gate of their own.
 */
export function webserverGate(dagster: Dagster, context: Context, expected: WebserverExpectation): Promise<GateResult> {
  const { service, each, version, timeoutSeconds } = expected;
  const { clock } = context;
  let noneSince: number | null = null;
  /** Version of whoever answered last, and was another one; null: none was. */
  let other: string | null = null;
  return askUntil(
    context,
    { gate: "webserver", on: service, timeoutSeconds },
    async (): Promise<Attempt> => {
      const info = serverInfo.safeParse(await dagster.serverInfo());
      if (!info.success) return { waiting: "what answers is not Dagster's webserver" };
      const { dagster_webserver_version: itself, dagster_version: dagsters = itself } = info.data;
      other = isOtherVersion(dagsters, version) ? dagsters : null;
      if (other !== null) return { waiting: `Dagster ${other} answers, and its image has ${version}` };
      const seen = `Dagster ${itself}${version === null ? "" : ", as its image has"}`;
      if (each === null) return { seen, since: clock.now() };
      const urls = await each.urls();
      if (urls === null) {
        const findings = each.isRequired ? [withoutAddresses(each.place, service)] : [];
        return { seen, since: clock.now(), findings };
      }
      const answer = judgeWebservers(await Promise.all(urls.map((url) => tell(each, url))));
      if (answer.kind === "all") return { seen: `${seen}; ${answer.seen}`, since: clock.now() };
      noneSince = answer.kind === "none" ? (noneSince ?? clock.now()) : null;
      // Its own address answers: the way to the tasks is what is missing.
      const mustAnswer = each.isInside && each.isRequired;
      if (!mustAnswer && noneSince !== null && clock.now() - noneSince >= patience)
        return { seen, since: clock.now(), findings: [notReached(each, service, answer.why)] };
      return { waiting: answer.why };
    },
    (waiting) => ({
      cause:
        other !== null && version !== null
          ? otherVersion(other, version, timeoutSeconds)
          : {
              id: "webserver-unreachable",
              what: `The webserver does not answer after ${timeoutSeconds} s: ${waiting}.`,
              fix:
                each?.isInside === true
                  ? "See the log of the tasks that do not answer; the security group of the webserver must let its own tasks in on its port."
                  : "See the log of the webserver, and the health of its targets in the load balancer.",
            },
      evidence: [],
    }),
  );
}

function otherVersion(other: string, version: string, timeoutSeconds: number): Cause {
  return {
    id: "webserver-other-version",
    what: `At the webserver's address Dagster ${other} still answers after ${timeoutSeconds} s, and the image that ECS runs has ${version}.`,
    fix: "The address leads to another webserver: compare `url` or `address` of the stack file, and the targets of the load balancer, with this service. When it leads to the right one, the base image or an entry point puts another Dagster before the one of the lock file.",
  };
}

async function tell({ at }: EachWebserver, url: string): Promise<Told> {
  try {
    const info = serverInfo.safeParse(await at(url).serverInfo());
    return info.success
      ? { version: info.data.dagster_webserver_version, why: null }
      : { version: null, why: `what answers at ${url} is not Dagster's webserver` };
  } catch (error) {
    if (error instanceof DagsterUnreachable) return { version: null, why: error.message };
    throw error;
  }
}

function withoutAddresses(where: Place, service: string): Finding {
  return {
    id: "not-checked",
    level: "notice",
    where,
    what: `The tasks of webserver ${service} were not asked one by one: they have no addresses of their own, as with the network modes \`bridge\` and \`host\`.`,
    fix: "Give its task definition the network mode `awsvpc`; or remove `every-webserver`.",
  };
}

function notReached({ place, isInside }: EachWebserver, service: string, why: string): Finding {
  return {
    id: "not-checked",
    level: "notice",
    where: place,
    what: `The tasks of webserver ${service} were not asked one by one: ${isInside ? "the task in the VPC" : "this runner"} does not reach them (${why}).`,
    fix: isInside
      ? "Let the security group of the webserver let its own tasks in on its port; or say `gates: { every-webserver: false }`."
      : "Let a task in the VPC ask: `gates: { reach: task }`; or use a runner that reaches the VPC's addresses.",
  };
}
