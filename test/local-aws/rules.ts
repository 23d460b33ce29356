/**
 * Every rule by which the bed plays ECS: what it says, who says so, and how sure that is. The code of the bed reads its
 * values from here; a test may set any of them. `unsure` rules are switches: nobody outside AWS knows, so whatever depends
 * on one of them depends on a guess.
 */
export type Certainty = "documented" | "seen" | "unsure";

export interface Rule<Value extends RuleValue> {
  readonly says: string;
  /** An address, or the name of a document. */
  readonly source: string;
  readonly certainty: Certainty;
  readonly value: Value;
  /** Every value it can take, the usual one first; null for an amount. */
  readonly choices: readonly Value[] | null;
}

export type RuleValue = string | number | boolean;

const reference = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference";

export const ruleTable = {
  settlingSeconds: amount(40, {
    says: "A task without health check and load balancer counts as healthy this long after RUNNING",
    source: `${reference}/API_DeploymentConfiguration.html, minimumHealthyPercent`,
    certainty: "documented",
  }),
  rollbackDeploymentId: choice(["new", "same"], {
    says: "A rollback is a deployment with a new id, or the last good deployment begins again under its own id",
    source: "Both told: traces of DescribeServices in public issues (new), the guide's wording (same)",
    certainty: "unsure",
  }),
} as const;

type Table = typeof ruleTable;
export type RuleId = keyof Table;
export type Rules = { readonly [Id in RuleId]: Table[Id] extends Rule<infer Value> ? Value : never };

/** The usual rules, but for those that are given. */
export function resolveRules(given: Partial<Rules> = {}): Rules {
  const usual = Object.fromEntries(Object.entries(ruleTable).map(([id, { value }]) => [id, value]));
  return { ...(usual as Rules), ...given };
}

type About = Pick<Rule<RuleValue>, "says" | "source" | "certainty">;

function amount(value: number, about: About): Rule<number> {
  return { ...about, value, choices: null };
}

function choice<const Value extends RuleValue>(choices: readonly [Value, ...Value[]], about: About): Rule<Value> {
  return { ...about, value: choices[0], choices };
}
