import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import * as z from "zod";
import { DagsterUnreachable } from "../../../src/dagster/client.ts";
import type { PlayedDagster } from "../played/played-dagster.ts";
import { plainWire } from "../played/wire.ts";
import { listen } from "../../loopback.ts";

const questionSchema = z.object({ operationName: z.string(), variables: z.record(z.string(), z.unknown()) });

/** The played webserver behind a port; nobody is there while no task of it runs. */
export async function serveDagster(
  played: PlayedDagster,
): Promise<{ readonly url: string; close(): Promise<unknown> }> {
  const dagster = played.open(new AbortController().signal, plainWire);
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    if (request.url === "/server_info") return dagster.serverInfo();
    const { operationName, variables } = questionSchema.parse(await json(request));
    return { data: await dagster.ask({ name: operationName, text: "", answer: z.unknown() }, variables) };
  };
  const server = createServer((request, response: ServerResponse) => {
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    answer(request).then(
      (value) => send(200, value),
      (error: unknown) => {
        if (error instanceof DagsterUnreachable) send(503, {});
        else send(500, { errors: [{ message: String(error) }] });
      },
    );
  });
  return listen(server);
}
