import type { Finding } from "../../domain/finding.ts";
import { type Facts, imageKey } from "./facts.ts";
import { type Kind, keyOf, type Need, type Needed } from "./needs.ts";

const taskRoles = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html";
const sensitiveData = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html";
const targetTypes = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb.html";

const logins = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html";

/** What keeps tasks from starting, by what AWS says: once for each need, at the place of the first who has it. */
export function judgeNeeds(needed: readonly Needed[], facts: Facts): readonly Finding[] {
  const by = new Map<string, readonly Needed[]>();
  for (const one of needed) by.set(keyOf(one.need), [...(by.get(keyOf(one.need)) ?? []), one]);
  const found = [...by].flatMap(([key, all]): readonly Finding[] => {
    const [first] = all;
    if (first === undefined || facts.unlooked.has(key)) return [];
    const fault = faultOf(first.need, facts);
    const who = [...new Set(all.map((one) => one.by))].join(", ");
    return fault === null ? [] : [{ ...fault, where: first.where, what: `${fault.what} (${who})` }];
  });
  return [...found, ...notLookedAt(needed, facts)];
}

type NeedFault = Omit<Finding, "where">;

function faultOf(need: Need, facts: Facts): NeedFault | null {
  switch (need.kind) {
    case "parameter":
      return facts.parameters.has(need.arn)
        ? null
        : {
            id: "secret-missing",
            level: "error",
            what: `There is no SSM parameter ${parameterName(need.arn)}: no task starts without it.`,
            fix: "Make it, or correct its name.",
            source: sensitiveData,
          };
    case "secret":
      return secretFault(need, facts);
    case "role":
      return roleFault(need, facts);
    case "right":
      return rightFault(need, facts);
    case "log-group":
      return facts.logGroups.has(need.name)
        ? null
        : {
            id: "log-group-missing",
            level: "error",
            what: `There is no log group ${need.name}: no task starts that is to write there.`,
            fix: 'Make it with the infrastructure; or set `"awslogs-create-group": "true"`, for which the execution role needs logs:CreateLogGroup.',
          };
    case "image":
      return imageFault(need, facts);
    case "target-group":
      return targetGroupFault(need, facts);
    case "login":
      return loginFault(need, facts);
    case "subnet":
      return subnetFault(need, facts);
  }
}

function secretFault({ arn, key }: Kind<"secret">, { secrets }: Facts): NeedFault | null {
  const name = lastOf(arn, "secret:");
  const facts = secrets.get(arn);
  if (facts === undefined || facts.isDeleted)
    return {
      id: "secret-missing",
      level: "error",
      what: `${facts === undefined ? "There is no secret" : "To be deleted is the secret"} ${name} in Secrets Manager: no task starts without it.`,
      fix: facts === undefined ? "Make it, or correct its name." : "Restore it (RestoreSecret), or name another one.",
      source: sensitiveData,
    };
  if (key === null || facts.keys === null || facts.keys.includes(key)) return null;
  const has = facts.keys === "no-object" ? "it is no JSON object" : `it has ${listed(facts.keys)}`;
  return {
    id: "secret-key-missing",
    level: "error",
    what: `Secret ${name} has no key ${key}: ${has}. No task starts without it.`,
    fix: "Add the key to the secret, or correct its name.",
    source: sensitiveData,
  };
}

function roleFault({ name }: Kind<"role">, { roles }: Facts): NeedFault | null {
  const facts = roles.get(name);
  if (facts?.isForTasks === true) return null;
  return {
    id: "role-unfit",
    level: "error",
    what:
      facts === undefined
        ? `There is no role ${name}: no task starts without it.`
        : `ECS may not take on the role ${name} for tasks: its trust policy does not name ecs-tasks.amazonaws.com.`,
    fix:
      facts === undefined
        ? "Make it, or correct its name and path."
        : 'Let its trust policy allow sts:AssumeRole to { "Service": "ecs-tasks.amazonaws.com" }.',
    source: taskRoles,
  };
}

/** Services whose resources may have a policy of their own that allows what the role's does not: that is not simulated. */
const withOwnPolicies: ReadonlySet<string> = new Set(["ecr", "secretsmanager"]);

function rightFault(need: Kind<"right">, { rights }: Facts): NeedFault | null {
  const { role, action, resource } = need;
  const decision = rights.get(keyOf(need));
  // Of a role that is not there its own fault tells.
  if (decision === undefined || decision === "allowed") return null;
  const isForbidden = decision === "explicitDeny";
  const mayBeOtherwise = withOwnPolicies.has(action.split(":")[0] ?? "");
  const on = resource === "*" ? "" : ` on ${resource}`;
  return {
    id: "role-right-missing",
    level: isForbidden || !mayBeOtherwise ? "error" : "warning",
    what: `${isForbidden ? `A policy forbids role ${role}` : `No policy of role ${role} allows it`} ${action}${on}.`,
    fix: isForbidden
      ? "Take the denial away, or except what the tasks need."
      : `Add to a policy of the role: ${JSON.stringify({ Effect: "Allow", Action: action, Resource: resource })}${mayBeOtherwise ? ", unless a policy of the resource allows it" : ""}.`,
    source: taskRoles,
  };
}

function imageFault(need: Kind<"image">, { images }: Facts): NeedFault | null {
  const { repository, reference, platform } = need;
  const platforms = images.get(imageKey(need));
  if (platforms?.includes(platform) === true) return null;
  const name = `${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
  return platforms === undefined
    ? {
        id: "image-missing",
        level: "error",
        what: `The registry has no image ${name}: no task starts without it.`,
        fix: "Push it, or name one that is there; a lifecycle rule may have expired it.",
      }
    : {
        id: "architecture-differs",
        level: "error",
        what: `Image ${name} is made for ${listed(platforms)}, and the task runs on ${platform}: its container ends with "exec format error".`,
        fix: `Name an image for ${platform}, or set \`runtimePlatform\`.`,
      };
}

function targetGroupFault({ arn }: Kind<"target-group">, facts: Facts): NeedFault | null {
  const group = facts.targetGroups.get(arn);
  const name = arn.split("/")[1] ?? arn;
  const fault = (what: string, fix: string): NeedFault => {
    return { id: "target-group-unfit", level: "error", what, fix, source: targetTypes };
  };
  if (group === undefined)
    return fault(
      `There is no target group ${name}, in which its tasks are to be registered.`,
      "Make it, or take it from the service.",
    );
  if (group.type !== "ip")
    return fault(
      `Target group ${name} takes targets of type ${group.type}, and tasks in a VPC are of type ip.`,
      "Make one with target type ip, and give it to the service.",
    );
  if (!group.hasBalancer)
    return fault(
      `Target group ${name} belongs to no load balancer: ECS refuses a deployment of its service.`,
      "Let a listener forward to it.",
    );
  return null;
}

function loginFault({ arn }: Kind<"login">, { openWays }: Facts): NeedFault | null {
  const ways = openWays.get(arn) ?? [];
  if (ways.length === 0) return null;
  return {
    id: "webserver-public",
    level: "warning",
    what: `Everybody on the internet reaches the webserver, at ${listed(ways)}, and nobody asks him for a login: who finds it starts runs, and reads what they have printed.`,
    fix: "Set `auth` of the service, which puts a login before it; or let the rule of the listener ask (authenticate-oidc); or let in your own addresses only.",
    source: logins,
  };
}

function subnetFault({ id }: Kind<"subnet">, { subnets }: Facts): NeedFault | null {
  const free = subnets.get(id);
  if (free === undefined)
    return {
      id: "subnet-unfit",
      level: "error",
      what: `There is no subnet ${id}, in which tasks are to run.`,
      fix: "Correct the network of the contract, or of the service.",
    };
  if (free > 0) return null;
  return {
    id: "subnet-unfit",
    level: "warning",
    what: `Subnet ${id} has no address left: a task that is put there does not start.`,
    fix: "Free addresses, or name a larger subnet.",
  };
}

/** One for each thing that is missing to look, not for each thing that was not looked at. */
function notLookedAt(needed: readonly Needed[], { unlooked }: Facts): readonly Finding[] {
  const causes = new Map<
    string,
    { readonly fix: string; readonly where: Finding["where"]; readonly what: string; count: number }
  >();
  const seen = new Set<string>();
  for (const { need, where } of needed) {
    const key = keyOf(need);
    const why = unlooked.get(key);
    if (why === undefined || seen.has(key)) continue;
    seen.add(key);
    const cause = causes.get(why.what) ?? { ...why, where, count: 0 };
    cause.count += 1;
    causes.set(why.what, cause);
  }
  return [...causes.values()].map(({ what, fix, where, count }) => ({
    id: "not-checked",
    level: "notice",
    where,
    what: `Not verified: ${count === 1 ? "a thing" : `${count} things`} that tasks need. ${what}`,
    fix,
  }));
}

/** Only one without a path may have no slash before it. */
function parameterName(arn: string): string {
  const path = lastOf(arn, "parameter/");
  return path.includes("/") ? `/${path}` : path;
}

function lastOf(arn: string, before: string): string {
  return arn.slice(arn.indexOf(before) + before.length);
}

function listed(all: readonly string[]): string {
  return all.length === 0 ? "none" : all.join(", ");
}
