import type { ECSClientConfig } from "@aws-sdk/client-ecs";
import type { Call } from "./send.ts";

/** What differs from how the SDK finds its way by itself: environment, profile, instance role, AWS_ENDPOINT_URL. */
export interface ClientSettings {
  readonly region?: string;
  readonly credentials?: NonNullable<ECSClientConfig["credentials"]>;
  readonly requestHandler?: NonNullable<ECSClientConfig["requestHandler"]>;
  /** Is told of every attempt of every call. */
  readonly observe?: (call: Call) => void;
}

/** Milliseconds: until a connection stands, and of silence on one that does. */
const connectionTimeout = 5_000;
const socketTimeout = 30_000;

/** For the constructor of any client. */
export function clientConfig({ region, credentials, requestHandler }: ClientSettings) {
  return {
    maxAttempts: 1,
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: requestHandler ?? { connectionTimeout, socketTimeout },
  };
}
