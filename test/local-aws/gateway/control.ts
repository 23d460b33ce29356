import type { IncomingMessage, ServerResponse } from "node:http";
import { json as readJson } from "node:stream/consumers";
import * as z from "zod";
import type { Fault, Faults } from "../faults.ts";
import type { MovableClock } from "../movable-clock.ts";
import type { GatewayCall } from "./call-record.ts";
import type { PlayedTask } from "../runtimes/tasks/task.ts";
import type { Names } from "./names.ts";

/** What a test in another process may see and set: `/_bed/…`. */
export interface Controls {
  readonly calls: readonly GatewayCall[];
  readonly names: Names;
  readonly faults: Faults;
  readonly clock: MovableClock;
  readonly tasks: ReadonlyMap<string, PlayedTask>;
  /** Ends the bed. */
  readonly stop: () => void;
}

const namesSchema = z.strictObject({ policy: z.enum(["random", "newest", "oldest"]) });
/** What of a fault decides whom it strikes; the rest is as its type says. */
const faultSchema = z.looseObject({ on: z.string(), what: z.looseObject({ kind: z.string() }) });
const moveSchema = z.strictObject({ milliseconds: z.number().nonnegative() });

/**
 * | request | does |
 * |---|---|
 * | `GET /_bed/calls` | every call so far |
 * | `GET /_bed/tasks` | tasks that run |
 * | `PUT /_bed/names` `{"policy": "newest"}` | which of several tasks a name gives |
 * | `POST /_bed/faults` a `Fault` | injects it |
 * | `DELETE /_bed/faults` | takes all faults away |
 * | `POST /_bed/clock` `{"milliseconds": 900000}` | moves the bed's time |
 * | `POST /_bed/stop` | ends the bed |
 */
export async function control(controls: Controls, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = (value: unknown, status = 200): void => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(value)}\n`);
  };
  switch (`${request.method} ${request.url}`) {
    case "GET /_bed/calls":
      return answer(controls.calls);
    case "GET /_bed/tasks":
      return answer([...controls.tasks.values()].map(describeTask));
    case "PUT /_bed/names":
      controls.names.policy = namesSchema.parse(await readJson(request)).policy;
      return answer({ policy: controls.names.policy });
    case "POST /_bed/faults":
      controls.faults.inject(faultSchema.parse(await readJson(request)) as Fault);
      return answer({});
    case "DELETE /_bed/faults":
      controls.faults.clear();
      return answer({});
    case "POST /_bed/clock":
      controls.clock.move(moveSchema.parse(await readJson(request)).milliseconds);
      return answer({ now: controls.clock.now() });
    case "POST /_bed/stop":
      answer({});
      return controls.stop();
    default:
      return answer({ error: `there is no ${request.method} ${request.url}` }, 404);
  }
}

function describeTask({ task, address, leaving }: PlayedTask) {
  const { family, revision } = task.definition;
  return { id: task.id, group: task.group, definition: `${family}:${revision}`, address, leaving };
}
