import type { Clock } from "../../domain/context.ts";

/** For so long after a word of a writer nobody else begins, unless it is this very run. */
export const leaseMilliseconds = 120_000;
/** A writer takes its lease for over this much earlier: clocks, and a word that was long under way. */
const marginMilliseconds = 15_000;
const renewAfterMilliseconds = 30_000;

/** The right to write plain files, as long as it is renewed in time. */
export interface Lease {
  /** Before each write: renews when it is time. @throws what renewing throws, from then on always */
  hold(): Promise<void>;
  /**
   * Does a write, and notes its path if nobody can say whether it came in time.
   * @param write looks right before each of its requests goes out
   * @throws LeaseOver when it was not renewed in time: hold it again first
   */
  write(path: string, write: (look: () => void) => Promise<void>): Promise<void>;
  /** Paths that may have been written after it was over. */
  late(): readonly string[];
}

/** A request was not sent: the lease was over. */
export class LeaseOver extends Error {}

/**
 * Begins with a word that was just given.
 * @param since when that word was sent, milliseconds since 1970
 * @param renew gives the next; throws when somebody else has begun
 */
export function openLease(clock: Clock, since: number, renew: () => Promise<void>): Lease {
  let given = since;
  let renewing: Promise<void> | null = null;
  let lost: { readonly error: unknown } | null = null;
  const late = new Set<string>();
  const isOver = (): boolean => clock.now() - given >= leaseMilliseconds - marginMilliseconds;
  const renewed = async (): Promise<void> => {
    const sent = clock.now();
    try {
      await renew();
    } catch (error) {
      lost = { error };
      throw error;
    }
    given = sent;
    late.clear(); // nobody else has written in between
  };
  return {
    hold: async () => {
      if (lost !== null) throw lost.error;
      if (clock.now() - given < renewAfterMilliseconds) return;
      renewing ??= renewed().finally(() => (renewing = null));
      await renewing;
    },
    write: async (path, write) => {
      const sent: number[] = [];
      try {
        await write(() => {
          if (lost !== null || isOver()) throw new LeaseOver();
          sent.push(clock.now());
        });
      } finally {
        if (sent.length > 0 && (lost !== null || isOver())) late.add(path);
      }
    },
    late: () => [...late].sort(),
  };
}
