import type { MetadataBearer, StaticListSchema } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { lentClient, lentCommand, type LentSend, type LentTo, member, structure } from "./lent-client.ts";
import type { ClientSettings } from "./settings.ts";

const namespace = "com.amazonaws.ssm";
const service: LentTo = {
  name: "SSM",
  prefix: "ssm",
  serviceId: "SSM",
  endpoint: "ssm",
  isGlobal: false,
  namespace,
  protocol: "json",
  version: "2014-11-06",
  xmlNamespace: "",
  target: "AmazonSSM",
};

/** Makes calls of SSM. */
export type SsmSend = LentSend<
  GetParameterInput | DescribeParametersInput | PutParameterInput,
  GetParameterOutput | DescribeParametersOutput | PutParameterOutput
>;

export interface GetParameterInput {
  readonly Name: string;
  readonly WithDecryption?: boolean;
}

/** Source: API_GetParameter in the SSM API reference, as far as it is read. */
export interface GetParameterOutput extends MetadataBearer {
  readonly Parameter?: { readonly Type?: string; readonly Value?: string };
}

export interface DescribeParametersInput {
  readonly ParameterFilters: readonly {
    readonly Key: string;
    readonly Option: string;
    readonly Values: readonly string[];
  }[];
  readonly MaxResults?: number;
  readonly NextToken: string | undefined;
}

/** Source: API_DescribeParameters in the SSM API reference, as far as it is read. */
export interface DescribeParametersOutput extends MetadataBearer {
  readonly Parameters?: readonly { readonly Name?: string }[];
  readonly NextToken?: string;
}

/** Source: API_PutParameter in the SSM API reference, as far as it is used. */
export interface PutParameterInput {
  readonly Name: string;
  readonly Value: string;
  readonly Type: "SecureString";
  readonly Overwrite: boolean;
}

export interface PutParameterOutput extends MetadataBearer {
  readonly Version?: number;
}

const { text, number, boolean, texts } = member;
const parameter = structure(namespace, "Parameter", { Type: text, Value: text });
const metadata = structure(namespace, "ParameterMetadata", { Name: text });
const metadataList: StaticListSchema = [1, namespace, "ParameterMetadataList", 0, () => metadata];
const filter = structure(namespace, "ParameterStringFilter", { Key: text, Option: text, Values: texts });
const filters: StaticListSchema = [1, namespace, "ParameterStringFilterList", 0, () => filter];

/** One parameter with its value. */
export class GetParameterCommand extends lentCommand<GetParameterInput, GetParameterOutput>(
  service,
  "GetParameter",
  { Name: text, WithDecryption: boolean },
  { Parameter: () => parameter },
) {}

/** Names of parameters, without their values; a page of them. */
export class DescribeParametersCommand extends lentCommand<DescribeParametersInput, DescribeParametersOutput>(
  service,
  "DescribeParameters",
  { ParameterFilters: () => filters, MaxResults: number, NextToken: text },
  { Parameters: () => metadataList, NextToken: text },
) {}

/** Writes a parameter. */
export class PutParameterCommand extends lentCommand<PutParameterInput, PutParameterOutput>(
  service,
  "PutParameter",
  { Name: text, Value: text, Type: text, Overwrite: boolean },
  { Version: number },
) {}

/** Opens SSM; region and credentials are looked up at the first call. */
export function ssm(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): SsmSend {
  return lentClient(service, context, settings);
}
