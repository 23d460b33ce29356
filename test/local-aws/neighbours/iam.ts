import { allowedBy, parsePolicy } from "../../infra/policy.ts";
import { type Given, Refusal, type Operations } from "../ecs/bed.ts";

const ecsTasksMayAssume = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

interface Simulation {
  readonly PolicySourceArn: string;
  readonly ActionNames: readonly string[];
  readonly ResourceArns?: readonly string[];
  readonly ContextEntries?: readonly {
    readonly ContextKeyName?: string;
    readonly ContextKeyValues?: readonly string[];
  }[];
}

/**
 * Whether a role exists, who may take it on, and what it may do: by its own policy alone, as the simulation leaves out those of the
 * resources unless it is given them. While no role was set, each one exists.
 * Source: API_SimulatePrincipalPolicy in the IAM API reference.
 */
export const iamOperations = {
  GetRole: (bed, { RoleName: name }: { readonly RoleName: string }) => {
    const { roles } = bed.neighbours;
    const role = roles.get(name);
    if (role === undefined && roles.size > 0) {
      throw new Refusal("NoSuchEntity", `The role with name ${name} cannot be found.`, 404);
    }
    return {
      Role: {
        Path: "/",
        RoleName: name,
        RoleId: `AROA${name
          .toUpperCase()
          .replaceAll(/[^A-Z0-9]/g, "")
          .padEnd(17, "0")
          .slice(0, 17)}`,
        Arn: role?.arn ?? `arn:aws:iam::${bed.account}:role/${name}`,
        CreateDate: new Date(bed.time.now()),
        // IAM answers the document encoded as in a URL.
        AssumeRolePolicyDocument: encodeURIComponent(role?.trustPolicy ?? ecsTasksMayAssume),
      },
    };
  },

  SimulatePrincipalPolicy: (bed, input: Given<Simulation, "PolicySourceArn" | "ActionNames">) => {
    const { PolicySourceArn: arn, ActionNames: actions, ResourceArns: resources = ["*"] } = input;
    const { roles } = bed.neighbours;
    const role = [...roles.values()].find((one) => one.arn === arn);
    if (role === undefined && roles.size > 0)
      throw new Refusal("NoSuchEntity", `The role with arn ${arn} cannot be found.`, 404);
    const policy = role?.policy === undefined ? null : parsePolicy(role.policy);
    const context = Object.fromEntries(
      (input.ContextEntries ?? []).map(({ ContextKeyName: key = "", ContextKeyValues: [value = ""] = [] }) => [
        key,
        value,
      ]),
    );
    return {
      IsTruncated: false,
      EvaluationResults: actions.flatMap((action) =>
        resources.map((resource) => ({
          EvalActionName: action,
          EvalResourceName: resource,
          EvalDecision:
            policy === null || allowedBy(policy, { action, resource, context }) !== null ? "allowed" : "implicitDeny",
        })),
      ),
    };
  },
} satisfies Operations;
