import { hash } from "node:crypto";

/** Makes the names that ECS makes: never the same twice, and the same again in a bed that begins at the same moment. */
export interface Identifiers {
  arn(type: string, ...path: readonly string[]): string;
  /** 32 hex digits: a task, a network interface. */
  hexadecimal(): string;
  /** 19 digits: a deployment, a service revision. */
  decimal(): string;
  /** 21 characters that are safe in URLs: a service deployment. */
  token(): string;
  /** A UUID: events, attachments, requests. */
  uuid(): string;
}

export function createIdentifiers(options: {
  readonly region: string;
  readonly account: string;
  readonly seed: number;
}): Identifiers {
  const { region, account, seed } = options;
  let count = 0;
  const next = () => {
    count += 1;
    return hash("sha256", `${seed}/${count}`, "buffer");
  };
  return {
    arn: (type, ...path) => `arn:aws:ecs:${region}:${account}:${type}/${path.join("/")}`,
    hexadecimal: () => next().toString("hex").slice(0, 32),
    decimal: () => (10n ** 18n + (next().readBigUInt64BE() % (9n * 10n ** 18n))).toString(),
    token: () => next().toString("base64url").slice(0, 21),
    uuid: () =>
      next()
        .toString("hex")
        .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5"),
  };
}

/** The last part of an ARN, or the name itself: APIs take both. */
export function nameOf(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
}
