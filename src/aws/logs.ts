import {
  CloudWatchLogsClient,
  type CloudWatchLogsClientResolvedConfig,
  type OutputLogEvent,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-cloudwatch-logs";
import { AwsJson1_1Protocol } from "@aws-sdk/core/protocols";
import type { MetadataBearer } from "@smithy/types";
import { Readable } from "node:stream";
import type { Context } from "../domain/context.ts";
import { readElements } from "./json-elements.ts";
import { type CallOptions, type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** `region`: where the log is, when a container writes to another region than its own; null or absent: the client's. */
type LogsOptions = CallOptions & { readonly region?: string | null };

/** Makes calls of CloudWatch Logs. */
export type LogsSend = Send<ServiceInputTypes, ServiceOutputTypes, CloudWatchLogsClientResolvedConfig, LogsOptions>;

/** Opens CloudWatch Logs; region and credentials are looked up at the first call. */
export function logs(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): LogsSend {
  const open = (config: ClientSettings): LogsSend => {
    const client = new CloudWatchLogsClient({ ...clientConfig(config), protocol: LogsProtocol });
    return sender(client, { name: "CloudWatch Logs", prefix: "logs" }, context, settings.observe);
  };
  const home = open(settings);
  const elsewhere = new Map<string, LogsSend>();
  return (command, options = {}) => {
    const { region } = options;
    if (region === undefined || region === null || region === settings.region) return home(command, options);
    const send = elsewhere.get(region) ?? open({ ...settings, region });
    elsewhere.set(region, send);
    return send(command, options);
  };
}

type Answer = Parameters<AwsJson1_1Protocol["deserializeResponse"]>;

/** The SDK's, but for the events of a log, which are most of an answer: they are read while they arrive, and not looked through again. */
class LogsProtocol extends AwsJson1_1Protocol {
  override async deserializeResponse<Output extends MetadataBearer>(
    ...[operation, context, response]: Answer
  ): Promise<Output> {
    const pieces = piecesOf(response.body);
    if (operation.name !== "GetLogEvents" || this.isErrorResponse(response.statusCode) || pieces === null)
      return super.deserializeResponse(operation, context, response);
    const { elements, rest } = await readElements(pieces, "events");
    const output = await super.deserializeResponse<Output>(operation, context, { ...response, body: rest });
    return elements === null ? output : Object.assign(output, { events: elements.map(eventOf) });
  }
}

/** The members that an event has, as the SDK gives them: what is null is left out. */
function eventOf(element: object): OutputLogEvent {
  const { timestamp, message, ingestionTime } = element as Readonly<Record<keyof OutputLogEvent, unknown>>;
  return {
    ...(typeof timestamp === "number" ? { timestamp } : {}),
    ...(typeof message === "string" ? { message } : {}),
    ...(typeof ingestionTime === "number" ? { ingestionTime } : {}),
  };
}

function piecesOf(body: unknown): Readable | readonly Uint8Array[] | null {
  if (body instanceof Uint8Array) return [body];
  return body instanceof Readable ? body : null;
}
