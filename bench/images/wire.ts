import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server on which every byte is counted, both ways. */
export interface Wire {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  bytes(): number;
  /** Requests that went over it, as `GET /v2/…`. */
  requests(): readonly string[];
  close(): Promise<void>;
}

export async function openWire(to: { readonly host: string; readonly port: number }): Promise<Wire> {
  let bytes = 0;
  const requests: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to);
    near.on("data", (chunk: Buffer) => {
      const [, request] =
        /^((?:GET|HEAD|POST|PUT|PATCH) \S+) HTTP\/1\.1\r\n/.exec(chunk.toString("latin1", 0, 2048)) ?? [];
      if (request !== undefined) requests.push(request);
    });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("data", (chunk) => (bytes += chunk.length));
      from.on("error", () => into.destroy());
      from.once("close", () => open.delete(from));
      from.pipe(into);
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    requests: () => requests,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
