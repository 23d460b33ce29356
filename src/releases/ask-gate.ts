import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { daemonGate } from "../gates/daemon.ts";
import type { GateResult } from "../gates/gate.ts";
import { loadedGate } from "../gates/loaded.ts";
import { locationGate } from "../gates/location.ts";
import { type EachWebserver, webserverGate } from "../gates/webserver.ts";
import type { Stack } from "../stack/stack.ts";
import type { Clients } from "./connections.ts";
import { locationsServedBy } from "./hosts.ts";
import { awaitOlderTasks } from "./older-tasks.ts";
import { taskStart } from "./task-start.ts";

/** What a gate is asked with. */
export interface Asker {
  readonly dagster: Dagster;
  readonly context: Context;
  readonly stack: Pick<Stack, "contract" | "services" | "gates">;
  readonly clients: Pick<Clients, "ecs">;
}

/** What is asked of a service that runs. `image` is the full reference that must be found. */
export type ServiceQuestion =
  /** `on` is the location's name. */
  | { readonly gate: "location" | "loaded"; readonly on: string; readonly image: string }
  /** `on` is the service's key; `handedOverFrom` is ECS's name of the service that it takes the place of, null: of none. */
  | { readonly gate: "daemon"; readonly on: string; readonly handedOverFrom: string | null }
  /** `each`: how its tasks are asked one by one; null: they are not. `version`: of Dagster in its image; null: nothing tells. */
  | {
      readonly gate: "webserver";
      readonly on: string;
      readonly each: EachWebserver | null;
      readonly version: string | null;
    };

/**
 * Asks whether a service is what it should be, once none of its older tasks runs: after it has rolled, and after it was taken back.
 * @throws AwsError, Cancelled
 */
export async function askGate(asker: Asker, question: ServiceQuestion, timeoutSeconds: number): Promise<GateResult> {
  const { gate, on } = question;
  const { clock } = asker.context;
  const begun = clock.now();
  const older = await awaitOlderTasks(asker, serverOf(asker.stack, question), gate === "location");
  if (older === null) return askAlone(asker, question, timeoutSeconds);
  return { gate, on, cause: older, seen: older.what, evidence: [], seconds: (clock.now() - begun) / 1000, since: null };
}

/** Key of the service that is asked about. */
function serverOf({ services }: Asker["stack"], { gate, on }: ServiceQuestion): string {
  if (gate === "daemon" || gate === "webserver") return on;
  const kind = gate === "location" ? "code-location" : "webserver";
  const server = Object.values(services).find((one) => one.kind === kind && locationsServedBy(one).includes(on));
  return server?.key ?? on;
}

function askAlone(
  { dagster, context, stack, clients }: Asker,
  question: ServiceQuestion,
  timeoutSeconds: number,
): Promise<GateResult> {
  switch (question.gate) {
    case "location": {
      const nameTtlSeconds = stack.contract["name-ttl-seconds"];
      return locationGate(dagster, context, {
        location: question.on,
        image: question.image,
        nameTtlSeconds,
        // Until every resolver has forgotten older addresses nothing is proved.
        timeoutSeconds: timeoutSeconds + nameTtlSeconds,
      });
    }
    case "loaded":
      return loadedGate(dagster, context, { location: question.on, image: question.image, timeoutSeconds });
    case "daemon": {
      const { on: service, handedOverFrom } = question;
      const startedAt = (): Promise<number | null> => taskStart(clients.ecs, stack, service);
      return daemonGate(dagster, context, { service, startedAt, handedOverFrom, timeoutSeconds });
    }
    case "webserver":
      return webserverGate(dagster, context, {
        service: question.on,
        each: question.each,
        version: question.version,
        timeoutSeconds,
      });
  }
}
