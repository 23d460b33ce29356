import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

/** A published action, at the commit that is measured. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Its bundle on this machine. */
  readonly main: string;
}

const peersSchema = z.array(
  z.object({ name: z.string(), version: z.string(), commit: z.string(), main: z.string(), sha256: z.string() }),
);

/** Peers that are there; the others are named on standard error. BENCH_PEERS holds `<owner>/<name>/`, each a checkout of its commit. */
export function peers(): readonly Peer[] {
  const folder = process.env["BENCH_PEERS"];
  const all = peersSchema.parse(JSON.parse(readFileSync(join(import.meta.dirname, "peers.json"), "utf8")));
  return all.flatMap(({ name, version, commit, main, sha256 }) => {
    const path = folder === undefined ? "" : join(folder, name, main);
    if (folder === undefined || !existsSync(path)) {
      console.error(`not measured: ${name}@${commit}: BENCH_PEERS has no ${name}/${main}`);
      return [];
    }
    if (createHash("sha256").update(readFileSync(path)).digest("hex") !== sha256)
      throw new Error(`${path} is not the bundle of commit ${commit}`);
    return [{ name, version, main: path }];
  });
}
