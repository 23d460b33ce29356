import {
  CloudWatchLogsClient,
  type CloudWatchLogsClientConfig,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { LoggedLine, LogSink } from "../../local-aws/runtimes/scripted.ts";

/** Brings what scripted containers write to CloudWatch Logs, one line after the other; a line that is not taken is lost. */
export interface ScriptedLog extends LogSink {
  /** Lines before this wait for it. */
  open(settings: CloudWatchLogsClientConfig): void;
}

export function scriptedLog(): ScriptedLog {
  const opened = Promise.withResolvers<CloudWatchLogsClient>();
  const there = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();
  const deliver = async ({ group, stream, at, text }: LoggedLine): Promise<void> => {
    const client = await opened.promise;
    const place = { logGroupName: group, logStreamName: stream };
    if (!there.has(group)) await client.send(new CreateLogGroupCommand({ logGroupName: group })).catch(() => undefined);
    if (!there.has(stream)) await client.send(new CreateLogStreamCommand(place)).catch(() => undefined);
    there.add(group).add(stream);
    await client.send(new PutLogEventsCommand({ ...place, logEvents: [{ timestamp: at, message: text }] }));
  };
  return {
    open: (settings) => opened.resolve(new CloudWatchLogsClient(settings)),
    write: (line) => {
      last = last.then(() => deliver(line)).catch(() => undefined);
    },
  };
}
