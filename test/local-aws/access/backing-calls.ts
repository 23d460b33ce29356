import { actionOf } from "../../../src/aws/permission.ts";
import type { Request } from "../../infra/policy.ts";
import type { BackingCall } from "../gateway/backing-call.ts";
import { type Home, textIn, textsIn } from "./input.ts";

/** A call to a service behind the gateway, as far as a policy tells such calls apart. */
export interface AskedOfBacking {
  readonly call: Pick<BackingCall, "service" | "operation" | "resource">;
  /** Path and query. */
  readonly url: string;
  /** `x-amz-copy-source`; empty: nothing is copied. */
  readonly copySource: string;
  /** Of JSON services, parsed; null for all others. */
  readonly input: unknown;
}

/** @returns what AWS asks of a policy before it does this; null: not written down here */
export function requestsOfBacking(asked: AskedOfBacking, home: Home): readonly Request[] | null {
  const { service, operation } = asked.call;
  switch (service) {
    case "s3":
      return requestsOfS3(asked);
    case "registry":
      return requestsOfRegistry(asked, home);
    default:
      return rights[`${service}:${operation}`]?.(asked.input, home) ?? null;
  }
}

function requestsOfS3({ call: { operation, resource: path }, url, copySource }: AskedOfBacking) {
  const action = actionOf("s3", operation);
  const resource = `arn:aws:s3:::${path}`;
  switch (operation) {
    case "GetObject":
    case "HeadObject":
    case "PutObject":
    case "DeleteObject":
    case "AbortMultipartUpload":
      return [{ action, resource }];
    case "CreateMultipartUpload":
    case "UploadPart":
    case "CompleteMultipartUpload":
      return [{ action: "s3:PutObject", resource }];
    case "CopyObject": {
      const source = decodeURIComponent(copySource).replace(/^\//, "");
      return [
        { action: "s3:GetObject", resource: `arn:aws:s3:::${source}` },
        { action: "s3:PutObject", resource },
      ];
    }
    case "HeadBucket":
      return [{ action, resource }];
    case "ListObjects":
    case "ListObjectsV2": {
      const prefix = new URL(url, "http://gateway").searchParams.get("prefix") ?? "";
      return [{ action: "s3:ListBucket", resource, context: { "s3:prefix": prefix } }];
    }
    default:
      return null;
  }
}

/** IAM actions behind the registry's protocol. Source: Amazon ECR user guide, "Required IAM permissions for pushing an image". */
export const actionsOfRegistry: Readonly<Record<string, string>> = {
  "GET ping": "ecr:GetAuthorizationToken",
  "GET manifests": "ecr:BatchGetImage",
  "HEAD manifests": "ecr:BatchGetImage",
  "PUT manifests": "ecr:PutImage",
  "GET blobs": "ecr:GetDownloadUrlForLayer",
  "HEAD blobs": "ecr:BatchCheckLayerAvailability",
  "POST uploads": "ecr:InitiateLayerUpload",
  "PATCH uploads": "ecr:UploadLayerPart",
  "PUT uploads": "ecr:CompleteLayerUpload",
};

function requestsOfRegistry({ call: { operation, resource }, url }: AskedOfBacking, home: Home) {
  const action = actionsOfRegistry[operation];
  if (action === undefined) return null;
  if (operation === "GET ping") return [{ action, resource: "*" }];
  const [, repository = ""] = /^\/v2\/(.+)\/(?:manifests|blobs)(?:\/|$)/.exec(resource) ?? [];
  // A layer that another repository has is not sent again by whoever may read it there.
  const from = new URL(url, "http://gateway").searchParams.get("from");
  return [
    { action, resource: repositoryArn(home, repository) },
    ...(from === null ? [] : [{ action: "ecr:GetDownloadUrlForLayer", resource: repositoryArn(home, from) }]),
  ];
}

type Rights = (input: unknown, home: Home) => readonly Request[];

const anything =
  (action: string): Rights =>
  () => [{ action, resource: "*" }];

const ofRepository =
  (action: string): Rights =>
  (input, home) => [{ action, resource: repositoryArn(home, textIn(input, "repositoryName")) }];

const ofSecret =
  (action: string, member: string): Rights =>
  (input, home) => [{ action, resource: secretArn(home, textIn(input, member)) }];

const referencePrefix = "/aws/reference/secretsmanager/";

const ofParameter =
  (action: string): Rights =>
  (input, home) => {
    const name = textIn(input, "Name");
    return [
      { action, resource: arn(home, "ssm", `parameter/${name.replace(/^\//, "")}`) },
      // AWS asks for the secret behind such a name, too.
      ...(name.startsWith(referencePrefix)
        ? [
            {
              action: "secretsmanager:GetSecretValue",
              resource: secretArn(home, name.slice(referencePrefix.length)),
            },
          ]
        : []),
    ];
  };

const arn = ({ region, account }: Home, service: string, resource: string): string =>
  `arn:aws:${service}:${region}:${account}:${resource}`;

const repositoryArn = (home: Home, name: string): string => arn(home, "ecr", `repository/${name}`);

/** ARNs of secrets end in six characters that AWS makes up. */
const secretArn = (home: Home, named: string): string =>
  named.startsWith("arn:") ? named : arn(home, "secretsmanager", `secret:${named}-AbCdEf`);

const logStreamArn = (input: unknown, home: Home): string =>
  arn(home, "logs", `log-group:${textIn(input, "logGroupName")}:log-stream:${textIn(input, "logStreamName")}`);

/** Actions and resources. Source: Service Authorization Reference. */
const rights: Readonly<Record<string, Rights>> = {
  "ssm:GetParameter": ofParameter("ssm:GetParameter"),
  "ssm:PutParameter": ofParameter("ssm:PutParameter"),
  "ssm:GetParameters": (input, home) =>
    textsIn(input, "Names").flatMap((Name) => ofParameter("ssm:GetParameters")({ Name }, home)),
  "ssm:DescribeParameters": anything("ssm:DescribeParameters"),
  "secretsmanager:DescribeSecret": ofSecret("secretsmanager:DescribeSecret", "SecretId"),
  "secretsmanager:GetSecretValue": ofSecret("secretsmanager:GetSecretValue", "SecretId"),
  "secretsmanager:PutSecretValue": ofSecret("secretsmanager:PutSecretValue", "SecretId"),
  "secretsmanager:CreateSecret": ofSecret("secretsmanager:CreateSecret", "Name"),
  "logs:GetLogEvents": (input, home) => [{ action: "logs:GetLogEvents", resource: logStreamArn(input, home) }],
  "logs:FilterLogEvents": (input, home) => [{ action: "logs:FilterLogEvents", resource: logStreamArn(input, home) }],
  "logs:DescribeLogGroups": anything("logs:DescribeLogGroups"),
  "logs:CreateLogStream": (input, home) => [{ action: "logs:CreateLogStream", resource: logStreamArn(input, home) }],
  "logs:PutLogEvents": (input, home) => [{ action: "logs:PutLogEvents", resource: logStreamArn(input, home) }],
  "ecr:GetAuthorizationToken": anything("ecr:GetAuthorizationToken"),
  "ecr:CreateRepository": ofRepository("ecr:CreateRepository"),
  "ecr:DescribeImageScanFindings": ofRepository("ecr:DescribeImageScanFindings"),
  "ecr:StartImageScan": ofRepository("ecr:StartImageScan"),
};
