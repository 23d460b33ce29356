import * as z from "zod";

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const operatorNames = ["StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool"] as const;

const policySchema = z.strictObject({
  Version: z.literal("2012-10-17"),
  Statement: z.array(
    z.strictObject({
      Sid: z.string(),
      Effect: z.enum(["Allow", "Deny"]),
      Action: oneOrMore,
      Resource: oneOrMore,
      Condition: z.partialRecord(z.enum(operatorNames), z.record(z.string(), oneOrMore)).default({}),
    }),
  ),
});

/** A policy of an identity. What this does not know (other operators, NotAction, variables …) is refused aloud, not guessed. */
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

type Statement = Policy["Statement"][number];

/**
 * @returns the Sid of the first statement that allows it; null when none does, or one denies it.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function allowedBy(policy: Policy, request: Request): string | null {
  const about = policy.Statement.filter((statement) => isAbout(statement, request));
  if (about.some(({ Effect }) => Effect === "Deny")) return null;
  return about[0]?.Sid ?? null;
}

/** @returns the Sids of statements that could go without any of these requests being denied that is allowed now */
export function idleStatements(policy: Policy, requests: readonly Request[]): readonly string[] {
  const allowed = requests.filter((request) => allowedBy(policy, request) !== null);
  return policy.Statement.filter((statement) => {
    const rest = { ...policy, Statement: policy.Statement.filter((one) => one !== statement) };
    return allowed.every((request) => allowedBy(rest, request) !== null);
  }).map(({ Sid }) => Sid);
}

function isAbout({ Action, Resource, Condition }: Statement, { action, resource, context = {} }: Request): boolean {
  return (
    Action.some((pattern) => glob(pattern.toLowerCase()).test(action.toLowerCase())) &&
    Resource.some((pattern) => arnMatches(pattern, resource)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => {
        const value = context[key];
        return (
          value !== undefined && wanted.some((one) => operators[operator as (typeof operatorNames)[number]](one, value))
        );
      }),
    )
  );
}

/** Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const operators: Readonly<Record<(typeof operatorNames)[number], (wanted: string, value: string) => boolean>> = {
  StringEquals: (wanted, value) => wanted === value,
  StringLike: (wanted, value) => glob(wanted).test(value),
  ArnEquals: arnMatches,
  ArnLike: arnMatches,
  Bool: (wanted, value) => wanted.toLowerCase() === value.toLowerCase(),
};

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

const globs = new Map<string, RegExp>();

function glob(pattern: string): RegExp {
  const known = globs.get(pattern) ?? compiled(pattern);
  globs.set(pattern, known);
  return known;
}

function compiled(pattern: string): RegExp {
  const parts = pattern.split(/([*?])/).map((part) => (part === "*" ? ".*" : part === "?" ? "." : RegExp.escape(part)));
  return new RegExp(`^${parts.join("")}$`, "s");
}
