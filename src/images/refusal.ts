import { UserError } from "../domain/errors.ts";

/** An answer of a registry that is none of those wanted. */
export interface Refusal {
  readonly endpoint: string;
  readonly method: string;
  /** Of the request, without its query. */
  readonly path: string;
  readonly status: number;
  /** As the registry calls it: `TAG_INVALID`. Empty when it does not say. */
  readonly code: string;
}

/** What a registry says went wrong. The message is foreign text. */
export function readRefusal(body: string): { readonly code: string; readonly message: string } {
  return { code: /"code"\s*:\s*"([A-Z_]{1,40})"/.exec(body)?.[1] ?? "", message: body.slice(0, 4096) };
}

/** `PUT /v2/app/manifests/1 gave 400 TAG_INVALID` */
export function showRefusal({ method, path, status, code }: Refusal): string {
  return `${method} ${path} gave ${status}${code === "" ? "" : ` ${code}`}`;
}

/** A registry does not let us in, or not to this repository. */
export class AccessRefused extends UserError {}

/** A registry that is not the account's own takes nobody without an account of its. */
export class NotLetIn extends AccessRefused {
  constructor(what: string, where: string) {
    super({
      what,
      where,
      fix: "Registries other than the account's own are read without an account. Copy the image into a repository of your own, or set up a pull-through cache rule in ECR, and name that.",
    });
  }
}

/** What whoever runs this can do about a refusal. */
export function adviseOn(refusal: Refusal): UserError {
  const { endpoint, method, path, status } = refusal;
  if (status !== 401 && status !== 403) {
    return new UserError({
      what: `The registry refused a request: ${showRefusal(refusal)}.`,
      where: endpoint,
      fix: "Its own words are in the log above. When they do not help, report this as a bug.",
    });
  }
  const reads = method === "GET" || method === "HEAD";
  const repository = /^\/v2\/(.+?)\/(?:manifests|blobs)\//.exec(path)?.[1] ?? "*";
  const statement = statementFor(new URL(endpoint).host, repository, reads ? readActions : pushActions);
  if (statement === null) {
    return new NotLetIn(`The registry does not let us in: ${showRefusal(refusal)}.`, endpoint);
  }
  return new AccessRefused({
    what: `The role may not ${reads ? "read from" : "write to"} the repository ${repository}: ${showRefusal(refusal)}.`,
    where: endpoint,
    fix: `Add this statement to a policy of the role: ${statement}`,
  });
}

/** What whoever runs this can do when a push of docker was refused with a login that is new. */
export function adviseOnPush(host: string, repository: string): string {
  const statement = statementFor(host, repository, pushActions);
  return statement === null
    ? `Let the role of this job push to ${repository}; in ECR that takes ${pushActions.join(", ")}.`
    : `When this role may not push to ${repository}, add this statement to a policy of the role: ${statement}`;
}

/** @returns null for a registry that is not ECR's */
function statementFor(host: string, repository: string, actions: readonly string[]): string | null {
  const [, account, region] = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\./.exec(host) ?? [];
  if (account === undefined) return null;
  const Resource = `arn:aws:ecr:${region}:${account}:repository/${repository}`;
  return JSON.stringify({ Effect: "Allow", Action: actions, Resource });
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html */
const readActions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const pushActions = [
  ...readActions,
  "ecr:CompleteLayerUpload",
  "ecr:InitiateLayerUpload",
  "ecr:PutImage",
  "ecr:UploadLayerPart",
];
