import { Session } from "node:inspector/promises";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

/** Milliseconds of CPU that something takes in the product's own code: what simulates everything around it runs in the same process. */
export async function ownCpu(work: () => Promise<unknown>): Promise<number> {
  const source = pathToFileURL(join(import.meta.dirname, "../src/")).href;
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await work();
    const { profile } = await session.post("Profiler.stop");
    const ours = new Set(profile.nodes.filter(({ callFrame }) => callFrame.url.startsWith(source)).map(({ id }) => id));
    const { samples = [], timeDeltas = [] } = profile;
    return samples.reduce((sum, id, at) => sum + (ours.has(id) ? (timeDeltas[at] ?? 0) : 0), 0) / 1000;
  } finally {
    session.disconnect();
  }
}
