/** What goes wrong with a call. */
export type FaultKind =
  | { readonly kind: "throttle" }
  /** A modelled error or any other, as the service would word it. */
  | { readonly kind: "error"; readonly name: string; readonly message: string; readonly status?: number }
  | { readonly kind: "server-error"; readonly status?: 500 | 502 | 503 }
  /** The page of a proxy, where JSON or XML was due. */
  | { readonly kind: "html"; readonly status?: 500 | 502 | 503 }
  /** The connection is cut before an answer. */
  | { readonly kind: "reset" }
  /** In AWS's usual words unless told. */
  | { readonly kind: "access-denied"; readonly message?: string }
  | { readonly kind: "expired-token" }
  /** A read answers as if the last write had not reached it yet. */
  | { readonly kind: "stale" }
  /** RunTask succeeds without tasks; the reason is in `failures[]`. */
  | { readonly kind: "no-capacity"; readonly reason: string }
  | { readonly kind: "latency"; readonly milliseconds: number };

export interface Fault {
  /** Which calls: `ecs:DescribeServices`, `ecs:*`, `*`. Stale reads strike reads only, a lack of capacity RunTask only. */
  readonly on: string;
  /** Access key id of the only caller that suffers. */
  readonly caller?: string;
  readonly what: FaultKind;
  /** How often it strikes; until it is removed unless told. */
  readonly times?: number;
  /** `before`: the request is lost. `after`: it takes effect and its answer is lost. `before` unless told. */
  readonly when?: "before" | "after";
}

export interface Faults {
  /** @returns what takes the fault away again. */
  inject(fault: Fault): () => void;
  clear(): void;
  /** The faults that strike this call now; each counts as having struck. */
  striking(call: Call): readonly Fault[];
}

export interface Call {
  readonly service: string;
  readonly operation: string;
  readonly caller: string;
}

export function createFaults(): Faults {
  const active = new Map<Fault, number>();
  return {
    inject: (fault) => {
      // A fault may be injected twice: each time counts by itself.
      const own = { ...fault };
      active.set(own, fault.times ?? Number.POSITIVE_INFINITY);
      return () => void active.delete(own);
    },
    clear: () => active.clear(),
    striking: (call) => {
      const struck = [...active].filter(([fault]) => concerns(fault, call));
      for (const [fault, left] of struck) {
        if (left > 1) active.set(fault, left - 1);
        else active.delete(fault);
      }
      return struck.map(([fault]) => fault);
    },
  };
}

function concerns({ on, caller, what }: Fault, call: Call): boolean {
  if (caller !== undefined && caller !== call.caller) return false;
  if (what.kind === "stale" && !/^(Describe|List)/.test(call.operation)) return false;
  if (what.kind === "no-capacity" && call.operation !== "RunTask") return false;
  if (on === "*") return true;
  const [service, operation = "*"] = on.split(":");
  return service === call.service && (operation === "*" || operation === call.operation);
}
