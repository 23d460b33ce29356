import { allowedBy, parsePolicy, type Policy, type Request } from "../../infra/policy.ts";
import type { Fault } from "../faults.ts";
import { assumedRoleArn } from "../neighbours/sessions.ts";
import type { Neighbours } from "../neighbours/state.ts";

/** Who makes a call, for the words of its denial. */
export interface Asking {
  readonly account: string;
  /** Name of the role. */
  readonly role: string;
  readonly session: string;
}

const parsed = new Map<string, Policy>();

/** The policy of a role; null: none was set, and it may do anything. @throws ZodError for a policy that the evaluator does not know. */
export function policyOf({ roles }: Neighbours, role: string): Policy | null {
  const text = roles.get(role)?.policy;
  if (text === undefined) return null;
  const policy = parsed.get(text) ?? parsePolicy(text);
  parsed.set(text, policy);
  return policy;
}

/**
 * What a call meets that its caller's policy does not allow, as a fault that strikes it.
 * @param requests everything that AWS asks of the policy before it does what is called; null: nobody has written that down
 */
export function deniedCall(
  { judged }: Pick<Neighbours, "judged">,
  policy: Policy,
  requests: readonly Request[] | null,
  call: string,
  { account, role, session }: Asking,
): readonly Fault[] {
  const user = assumedRoleArn(account, role, session);
  const denied = (message: string): readonly Fault[] => [{ on: "*", what: { kind: "access-denied", message } }];
  if (requests === null) {
    return denied(
      `User: ${user} is not authorized to perform: ${call}; test/local-aws/access does not know its rights`,
    );
  }
  judged.push(...requests.map((request) => ({ ...request, role })));
  const refused = requests.find((request) => allowedBy(policy, request) === null);
  if (refused === undefined) return [];
  const { action, resource } = refused;
  const why = `because no identity-based policy allows the ${action} action`;
  return denied(`User: ${user} is not authorized to perform: ${action} on resource: ${resource} ${why}`);
}
