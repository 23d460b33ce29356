/** One call to the bed and its answer, whichever way they travel. */
export type ServiceName =
  | "ecs"
  | "elasticloadbalancing"
  | "ec2"
  | "application-autoscaling"
  | "servicediscovery"
  | "iam"
  | "sts";

/** The services that this bed plays itself, by the name that requests are signed for. */
export const serviceNames: readonly ServiceName[] = [
  "ecs",
  "elasticloadbalancing",
  "ec2",
  "application-autoscaling",
  "servicediscovery",
  "iam",
  "sts",
];

export interface AwsRequest {
  readonly service: ServiceName;
  readonly operation: string;
  /** Members as the service model names them; times as `Date`. */
  readonly input: unknown;
  /** Access key id; in this bed the name of a role, or that of a session of one. */
  readonly caller: string;
  /** The token that goes with the key of a session; it is not looked at when it is absent. */
  readonly sessionToken?: string;
}

export type AwsResponse =
  | { readonly kind: "output"; readonly requestId: string; readonly output: object }
  | {
      readonly kind: "error";
      readonly requestId: string;
      readonly name: string;
      readonly message: string;
      readonly status: number;
    }
  /** Not from the service: a proxy's page. */
  | { readonly kind: "page"; readonly status: number; readonly body: string }
  | { readonly kind: "reset" };

export interface RecordedCall {
  readonly service: ServiceName;
  readonly operation: string;
  readonly input: unknown;
  /** Name of the role. */
  readonly caller: string;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
  /** `ok`, the error's name, or `lost` when no answer of the service came; `pending` until then. */
  readonly outcome: string;
  /** It reached the service and was not refused, whatever became of the answer. */
  readonly tookEffect: boolean;
}

/** Answers one call. Resolves late when a fault says so; rejects only on a bug of the bed. */
export type Handle = (request: AwsRequest) => Promise<AwsResponse>;
