import type { MetadataBearer, StaticListSchema } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { lentClient, lentCommand, type LentSend, type LentTo, member, structure } from "./lent-client.ts";
import type { ClientSettings } from "./settings.ts";

const namespace = "com.amazonaws.iam";
const service: LentTo = {
  name: "IAM",
  prefix: "iam",
  serviceId: "IAM",
  endpoint: "iam",
  isGlobal: true,
  namespace,
  protocol: "query",
  version: "2010-05-08",
  xmlNamespace: "https://iam.amazonaws.com/doc/2010-05-08/",
  target: "",
};

/** Makes calls of IAM. */
export type IamSend = LentSend<GetRoleInput | SimulatePrincipalPolicyInput, GetRoleOutput | SimulatePolicyOutput>;

export interface GetRoleInput {
  readonly RoleName: string;
}

/** Source: API_GetRole in the IAM API reference, as far as it is read. */
export interface GetRoleOutput extends MetadataBearer {
  /** The document is JSON, encoded as in a URL. */
  readonly Role?: { readonly Arn?: string; readonly AssumeRolePolicyDocument?: string };
}

export interface SimulatePrincipalPolicyInput {
  readonly PolicySourceArn: string;
  readonly ActionNames: readonly string[];
  readonly ResourceArns: readonly string[];
  readonly ContextEntries:
    | readonly {
        readonly ContextKeyName: string;
        readonly ContextKeyValues: readonly string[];
        readonly ContextKeyType: "string";
      }[]
    | undefined;
  readonly Marker: string | undefined;
}

/** Source: API_SimulatePrincipalPolicy in the IAM API reference, as far as it is read. */
export interface SimulatePolicyOutput extends MetadataBearer {
  readonly EvaluationResults?: readonly {
    readonly EvalActionName?: string;
    readonly EvalResourceName?: string;
    readonly EvalDecision?: string;
  }[];
  readonly IsTruncated?: boolean;
  readonly Marker?: string;
}

const { text, texts, boolean } = member;
const role = structure(namespace, "Role", { Arn: text, AssumeRolePolicyDocument: text });
const entry = structure(namespace, "ContextEntry", {
  ContextKeyName: text,
  ContextKeyValues: texts,
  ContextKeyType: text,
});
const entries: StaticListSchema = [1, namespace, "ContextEntryListType", 0, () => entry];
const result = structure(namespace, "EvaluationResult", {
  EvalActionName: text,
  EvalResourceName: text,
  EvalDecision: text,
});
const results: StaticListSchema = [1, namespace, "EvaluationResultsListType", 0, () => result];

/** A role, and who may take it on. */
export class GetRoleCommand extends lentCommand<GetRoleInput, GetRoleOutput>(
  service,
  "GetRole",
  { RoleName: text },
  { Role: () => role },
) {}

/** Whether the policies of a role allow actions on resources: of each with each. */
export class SimulatePrincipalPolicyCommand extends lentCommand<SimulatePrincipalPolicyInput, SimulatePolicyOutput>(
  service,
  "SimulatePrincipalPolicy",
  { PolicySourceArn: text, ActionNames: texts, ResourceArns: texts, ContextEntries: () => entries, Marker: text },
  { EvaluationResults: () => results, IsTruncated: boolean, Marker: text },
) {}

/** Opens IAM; credentials are looked up at the first call. */
export function iam(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): IamSend {
  return lentClient(service, context, settings);
}
