import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import type { JumpingClock } from "./jumping-clock.ts";

/** Child processes that live on the bed's clock: each says until when it sleeps, and time jumps there. */
export interface Sleepers {
  /** For the environment of a Node or a Python process: loads what replaces its clock and its timers. */
  environment(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** The protocol: a line with the moment until which it sleeps, answered by a line with how far ahead time is. One process at a time. */
export async function openSleepers(clock: JumpingClock, pythonPath: readonly string[] = []): Promise<Sleepers> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined); // it was killed
    const lines = createInterface({ input: socket });
    lines.on("error", () => undefined);
    lines.on("line", (line) => {
      void clock.jumpTo(Number(line)).then(() => socket.write(`${clock.ahead()}\n`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    environment: () => ({
      JUMPING_CLOCK: `${address.port} ${clock.ahead()}`,
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "jump.mjs")).href}`,
      PYTHONDONTWRITEBYTECODE: "1", // it would lie beside the source
      PYTHONPATH: [join(import.meta.dirname, "python"), ...pythonPath].join(":"),
    }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
