import { createServer, connect, type Socket } from "node:net";
import { listen } from "../../test/loopback.ts";

/** A way to a server on loopback that is longer than it is. */
export interface Distance {
  readonly url: string;
  close(): Promise<void>;
}

/** Each byte that goes to the server arrives so much later, as many as there are at once: latency, and no narrower way. */
export async function openDistance(url: string, milliseconds: number): Promise<Distance> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        open.delete(socket);
        (socket === near ? far : near).destroy();
      });
    }
    near.on("data", (chunk) => setTimeout(() => far.writable && far.write(chunk), milliseconds));
    near.on("end", () => setTimeout(() => far.end(), milliseconds));
    far.pipe(near);
  });
  const { url: near, close } = await listen(server);
  return {
    url: near,
    close: async () => {
      for (const socket of open) socket.destroy();
      await close();
    },
  };
}
