import type { GatewayCall } from "../../test/local-aws/gateway/call-record.ts";

/** A stretch of time, in milliseconds since 1970. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Milliseconds between a commit and the moment its code was served in which nobody else was waited for: no call to AWS or the
 * registry was under way, no task ran that we had started, and no service was being rolled.
 * @param calls those of the deployer
 */
export function oursBetween(calls: readonly GatewayCall[], { from, to }: Stretch): number {
  const within = calls.filter(({ at }) => at >= from && at <= to);
  const single = within.map(({ at, milliseconds }) => ({ from: at, to: at + milliseconds }));
  const rolled = within.filter(({ operation }) => operation === "UpdateService").map(({ at }) => ({ from: at, to }));
  return to - from - covered([...single, ...tasks(within), ...rolled], { from, to });
}

/** From the start of a task to the last look at it or its log. */
function tasks(calls: readonly GatewayCall[]): readonly Stretch[] {
  return calls
    .filter(({ operation }) => operation === "RunTask")
    .map(({ at }) => {
      const last = calls
        .filter((call) => call.at > at && ["DescribeTasks", "GetLogEvents"].includes(call.operation))
        .at(-1);
      return { from: at, to: last?.at ?? at };
    });
}

/** Milliseconds that are in at least one of the stretches. */
function covered(stretches: readonly Stretch[], whole: Stretch): number {
  const sorted = stretches
    .map(({ from, to }) => ({ from: Math.max(from, whole.from), to: Math.min(to, whole.to) }))
    .filter(({ from, to }) => to > from)
    .sort((a, b) => a.from - b.from);
  let sum = 0;
  let end = whole.from;
  for (const { from, to } of sorted) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
