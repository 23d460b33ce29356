import * as z from "zod";

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const policySchema = z.strictObject({
  Version: z.literal("2012-10-17"),
  Statement: z.array(
    z.strictObject({
      Sid: z.string(),
      Effect: z.literal("Allow"),
      Action: oneOrMore,
      Resource: oneOrMore,
      Condition: z
        .partialRecord(z.enum(["StringEquals", "StringLike", "ArnEquals", "Bool"]), z.record(z.string(), oneOrMore))
        .default({}),
    }),
  ),
});

/** A policy of an identity. What this does not know (denials, other operators, NotAction …) is refused aloud, not guessed. */
export type Policy = z.infer<typeof policySchema>;

/** What AWS asks of a policy before it does something. */
export interface Request {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string>>;
}

export function parsePolicy(text: string): Policy {
  return policySchema.parse(JSON.parse(text));
}

/**
 * @returns the Sid of the first statement that allows it; null when none does.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function allowedBy(policy: Policy, { action, resource, context = {} }: Request): string | null {
  const statement = policy.Statement.find(
    ({ Action, Resource, Condition }) =>
      Action.some((pattern) => glob(pattern).test(action)) &&
      Resource.some((pattern) => arnMatches(pattern, resource)) &&
      Object.values(Condition).every((keys) =>
        Object.entries(keys).every(([key, wanted]) => {
          const value = context[key];
          return value !== undefined && wanted.some((pattern) => arnMatches(pattern, value));
        }),
      ),
  );
  return statement?.Sid ?? null;
}

/** A `*` in one part of an ARN does not reach into the next; the last part holds colons of its own. */
function arnMatches(pattern: string, value: string): boolean {
  if (pattern === "*" || !pattern.startsWith("arn:")) return glob(pattern).test(value);
  const parts = (text: string): readonly string[] => {
    const all = text.split(":");
    return [...all.slice(0, 5), all.slice(5).join(":")];
  };
  const values = parts(value);
  return parts(pattern).every((part, index) => glob(part).test(values[index] ?? ""));
}

function glob(pattern: string): RegExp {
  const parts = pattern.split(/([*?])/).map((part) => (part === "*" ? ".*" : part === "?" ? "." : RegExp.escape(part)));
  return new RegExp(`^${parts.join("")}$`, "s");
}
