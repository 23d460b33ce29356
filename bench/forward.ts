import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";

/** Passes a request on. The host stays as it was asked for: addresses that AWS tells of lead here again. */
export function forward(
  to: string,
  { method = "GET", url = "/", headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const { hostname, port } = new URL(to);
  return new Promise((resolve, reject) => {
    const onward = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response).once("finish", resolve);
    });
    onward.once("error", reject);
    onward.end(body);
  });
}
