/** A call that came through the gateway, to whichever service. */
export interface GatewayCall {
  readonly service: string;
  readonly operation: string;
  /** Bucket and key, or the path within the registry; empty for all others. */
  readonly resource: string;
  /** Name of the role; empty when the request said none. */
  readonly caller: string;
  /** Of the session that signed, or the role's name; empty when nobody signed. */
  readonly accessKeyId: string;
  /** HTTP status; null when the connection was cut. */
  readonly status: number | null;
  /** Until the last byte of the answer. */
  readonly milliseconds: number;
  /** The bed's time when it came, in milliseconds since 1970. */
  readonly at: number;
}
