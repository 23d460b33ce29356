import {
  type ServiceInputTypes,
  type ServiceOutputTypes,
  STSClient,
  type STSClientConfig,
  type STSClientResolvedConfig,
} from "@aws-sdk/client-sts";
import { AwsEc2QueryProtocol, AwsJson1_1Protocol } from "@aws-sdk/core/protocols";
import { makeBuilder } from "@smithy/core/client";
import { getEndpointPlugin } from "@smithy/core/endpoints";
import type { MetadataBearer, StaticOperationSchema, StaticStructureSchema } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { partitionOf } from "./arn.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

// A client of AWS's own is 13 to 30 kB in the bundle for one or two reads, and every build and every test takes in all of its service:
// EC2 alone half a minute of a build. Where so little of a service is called, STS lends its client: it is told of the other service, and
// only the schemas of those reads are written here. The bed holds them against AWS's service models.

/** A service whose calls are made by the client of STS. */
export interface LentTo {
  /** As people call it. */
  readonly name: string;
  /** Of its IAM actions. */
  readonly prefix: string;
  /** As AWS's service model has it, and the SDK looks up an address of its own (`AWS_ENDPOINT_URL_IAM`). */
  readonly serviceId: string;
  /** First label of its address, and what requests are signed for. */
  readonly endpoint: string;
  /** One for each partition, in the region that is named; or one for each region. */
  readonly isGlobal: boolean;
  readonly namespace: string;
  readonly protocol: "query" | "ec2" | "json";
  /** Of the protocols `query` and `ec2`. */
  readonly version: string;
  readonly xmlNamespace: string;
  /** Of the protocol `json`: what comes before the operation in `X-Amz-Target`. */
  readonly target: string;
}

/** Makes calls of such a service. */
export type LentSend<Inputs extends object, Outputs extends MetadataBearer> = Send<
  ServiceInputTypes | Inputs,
  ServiceOutputTypes | Outputs,
  STSClientResolvedConfig
>;

/** What an operation's schema is made of. */
export const member = { text: 0, number: 1, boolean: 2, texts: 64 } as const;

export type Member = StaticStructureSchema[5][number];

/** A structure of the service, as far as it is read. */
export function structure(
  namespace: string,
  name: string,
  members: Readonly<Record<string, Member>>,
): StaticStructureSchema {
  return [3, namespace, name, 0, Object.keys(members), Object.values(members)];
}

/** The class of a command, made of the members of its input and output. */
export function lentCommand<Input extends object, Output extends MetadataBearer>(
  { namespace, serviceId }: Pick<LentTo, "namespace" | "serviceId">,
  operation: string,
  input: Readonly<Record<string, Member>>,
  output: Readonly<Record<string, Member>>,
) {
  const schema: StaticOperationSchema = [
    9,
    namespace,
    operation,
    0,
    () => structure(namespace, `${operation}Input`, input),
    () => structure(namespace, `${operation}Output`, output),
  ];
  return commands(serviceId)<Input, Output>({}, () => [], operation, schema);
}

/** Opens such a service at its first call: most jobs make none. */
export function lentClient<Inputs extends object, Outputs extends MetadataBearer>(
  service: LentTo,
  context: Pick<Context, "clock" | "signal">,
  settings: ClientSettings,
): LentSend<Inputs, Outputs> {
  const named = { name: service.name, prefix: service.prefix };
  let send: LentSend<Inputs, Outputs> | null = null;
  return (command, options) => {
    send ??= sender(clientFor(service, settings), named, context, settings.observe);
    return send(command, options);
  };
}

function clientFor(service: LentTo, settings: ClientSettings): STSClient {
  const { endpointProvider } = new STSClient({ region: "us-east-1" }).config;
  return new STSClient({
    ...clientConfig(settings),
    serviceId: service.serviceId,
    ...protocolOf(service),
    protocolSettings: {
      defaultNamespace: service.namespace,
      xmlNamespace: service.xmlNamespace,
      version: service.version,
      serviceTarget: service.target,
    },
    endpointProvider: (asked) => {
      const endpoint = endpointProvider(asked);
      const url = new URL(endpoint.url);
      const region = asked.Region ?? "";
      const home = service.isGlobal ? globalHome[partitionOf(region)] : null;
      // One that somebody has set is kept as it is.
      if (asked.Endpoint === undefined) {
        if (home === null) url.hostname = url.hostname.replace(/^sts\b/, service.endpoint);
        else url.hostname = `${service.endpoint}.${home.domain}`;
      }
      const signed = {
        name: "sigv4",
        signingName: service.endpoint,
        signingRegion: home?.region ?? region,
        properties: {},
      };
      return { ...endpoint, url, properties: { authSchemes: [signed] } };
    },
  });
}

/** Where a service without regions is. Source: botocore's endpoints.json, `partitionEndpoint` of iam. */
const globalHome = {
  aws: { domain: "amazonaws.com", region: "us-east-1" },
  "aws-cn": { domain: "cn-north-1.amazonaws.com.cn", region: "cn-north-1" },
  "aws-us-gov": { domain: "us-gov.amazonaws.com", region: "us-gov-west-1" },
} as const;

/** STS itself speaks `query`. */
function protocolOf({ protocol }: LentTo): Pick<STSClientConfig, "protocol"> {
  switch (protocol) {
    case "query":
      return {};
    case "ec2":
      return { protocol: AwsEc2QueryProtocol };
    case "json":
      return { protocol: AwsJson1_1Protocol };
  }
}

function commands(serviceId: string) {
  return makeBuilder(
    {
      UseFIPS: { type: "builtInParams", name: "useFipsEndpoint" },
      Endpoint: { type: "builtInParams", name: "endpoint" },
      Region: { type: "builtInParams", name: "region" },
      UseDualStack: { type: "builtInParams", name: "useDualstackEndpoint" },
    },
    serviceId,
    `${serviceId}Client`,
    getEndpointPlugin,
  );
}
