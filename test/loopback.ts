import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Server } from "node:net";

/** A server that this machine alone can reach. */
export interface Listening {
  readonly port: number;
  /** 127.0.0.1:49152 */
  readonly host: string;
  /** http://127.0.0.1:49152 */
  readonly url: string;
  /** Whoever is connected is cut off. */
  readonly close: () => Promise<void>;
}

/** Opens a port of loopback that nobody has. */
export async function listen(server: HttpServer | Server): Promise<Listening> {
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", failed);
      done();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

/** A port that nobody has now: for programs that are told theirs. */
export async function freePort(): Promise<number> {
  const { port, close } = await listen(createServer());
  await close();
  return port;
}
