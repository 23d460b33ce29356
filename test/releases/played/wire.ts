/** One call out of the process, whatever it talks to. */
export interface OutsideCall {
  /** `s3`, `ecs`, `registry`, `dagster` … */
  readonly to: string;
  readonly operation: string;
  /** What it is about: a key, a service, a path. */
  readonly about: string;
  readonly writes: boolean;
}

/** What lies between the process and everything else: it may count, delay, lose or end things. */
export type Wire = <T>(call: OutsideCall, effect: () => Promise<T>) => Promise<T>;

/** Nothing happens on it. */
export const plainWire: Wire = (_call, effect) => effect();

export function showCall({ to, operation, about }: OutsideCall): string {
  return about === "" ? `${to} ${operation}` : `${to} ${operation} ${about}`;
}
