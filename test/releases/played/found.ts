import { createHash } from "node:crypto";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { Wire } from "./wire.ts";
import { type AccountOptions, openAccount, type PlayedAccount } from "./account.ts";

/** A Dagster that somebody else has brought to ECS, by hand, by compose or by OpenTofu. */
export interface FoundService {
  /** ECS's name of it. */
  readonly service: string;
  readonly family: string;
  /** Repository and tag: `small/code:latest`. */
  readonly image: string;
  readonly container: Readonly<Record<string, unknown>>;
  /** Containers beside it. */
  readonly others?: readonly object[];
  readonly more?: object;
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** An account in which these services run, and nothing was ever released. */
export async function openFound(
  services: readonly FoundService[],
  options: AccountOptions = {},
): Promise<PlayedAccount> {
  const account = await openAccount(options);
  for (const { service, family, image, container, others = [], more = {} } of services) {
    const reference = pushFound(account, image);
    await readPastClient(account.aws, "RegisterTaskDefinition", {
      family,
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "512",
      memory: "2048",
      executionRoleArn: `arn:aws:iam::${account.aws.account}:role/execution`,
      taskRoleArn: `arn:aws:iam::${account.aws.account}:role/task`,
      containerDefinitions: [...others, { image: reference, essential: true, ...container }],
      ...more,
    });
    const request = { cluster: "small", service, taskDefinition: family, desiredCount: 1 };
    await readPastClient(account.aws, "UpdateService", request);
  }
  await account.clock.pass(120_000);
  return account;
}

/** Puts an image under a tag, and says which digest a task gets by it. @returns its reference */
export function pushFound(account: PlayedAccount, image: string, text = image): string {
  const [repository = "", tag = ""] = image.split(":");
  const { config, manifest } = contentOf(text);
  const reference = `${new URL(account.registry.endpoint).host}/${image}`;
  account.registry.putBlob(config);
  account.registry.put(repository, tag, manifestType, manifest);
  account.runtime.tag(reference, digestOf(manifest));
  return reference;
}

/** @param text what it was pushed as */
export function digestOfFound(text: string): Digest {
  return digestOf(contentOf(text).manifest);
}

function contentOf(text: string): { readonly config: Buffer; readonly manifest: Buffer } {
  const labels = { of: text };
  const rootfs = { type: "layers", diff_ids: [] };
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: { Labels: labels }, rootfs }),
  );
  const mediaType = "application/vnd.oci.image.config.v1+json";
  const described = { mediaType, digest: digestOf(config), size: config.length };
  const whole = { schemaVersion: 2, mediaType: manifestType, config: described, layers: [] };
  return { config, manifest: Buffer.from(JSON.stringify(whole)) };
}

function digestOf(bytes: Buffer): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** Services bear the tag that CloudFormation gives to what it makes; nobody else may give it. */
export function ownedBy(owner: string): Wire {
  const tag = { key: "aws:cloudformation:stack-name", value: owner };
  return async (call, effect) => {
    const answer = await effect();
    if (call.operation !== "DescribeServices") return answer;
    const { services } = answer as { readonly services: readonly { readonly tags?: readonly object[] }[] };
    return { ...answer, services: services.map((one) => ({ ...one, tags: [...(one.tags ?? []), tag] })) };
  };
}
