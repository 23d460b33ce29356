import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { LocalAws } from "./local-aws.ts";
import { answer } from "./wire/route.ts";

export interface RunningServer {
  /** `http://127.0.0.1:<port>`, for AWS_ENDPOINT_URL. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection; the bed itself lives on. */
  close(): Promise<void>;
}

export interface ServerOptions {
  /** A free port unless told. */
  readonly port?: number;
  readonly host?: string;
}

/** Serves the bed's own services over HTTP, on this machine only. */
export async function startServer(aws: LocalAws, options: ServerOptions = {}): Promise<RunningServer> {
  const { port = 0, host = "127.0.0.1" } = options;
  const server = createServer((request, response) => {
    // A bug of the bed must not look like an error of AWS: the client sees a cut connection, the test sees the stack.
    serve(aws, request, response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(aws: LocalAws, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
  const answered = await answer(aws, {
    headers: request.headers,
    body: Buffer.concat(chunks),
  });
  if (answered === null) {
    response.destroy();
    return;
  }
  response.writeHead(answered.status, answered.headers);
  response.end(answered.body);
}
