import type { Ec2Send } from "../aws/ec2.ts";
import type { ElbSend } from "../aws/elb.ts";
import { isAwsError } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { type Attempt, askUntil, type GateResult } from "./gate.ts";
import { type End, judgeWay, openToAll, type Way } from "./security-groups/judge.ts";
import { balancersOf, blocksOf, rulesOf } from "./security-groups/read.ts";

export interface SecurityGroupsExpectation {
  /** Name of the stack. */
  readonly stack: string;
  /** Where the stack file wants it. */
  readonly place: Place | string;
  readonly services: readonly NetworkedService[];
  /** null: the contract names none. Without groups nobody can tell who reaches it. */
  readonly database: { readonly port: number; readonly securityGroups: readonly string[] } | null;
  readonly timeoutSeconds: number;
}

/** A service with network interfaces of its own. */
export interface NetworkedService {
  readonly key: string;
  readonly kind: "webserver" | "daemon" | "code-location";
  /** On which it listens; null: it does not. */
  readonly port: number | null;
  readonly securityGroups: readonly string[];
  readonly subnets: readonly string[];
  /** ARNs of the target groups that its tasks are registered in. */
  readonly targetGroups: readonly string[];
}

/** Passes when security groups let whoever must reach somebody reach him, and let nobody in from everywhere. What may not be read is said. */
export function securityGroupsGate(
  clients: { readonly ec2: Ec2Send; readonly elb: ElbSend },
  context: Context,
  expected: SecurityGroupsExpectation,
): Promise<GateResult> {
  const { stack, place, timeoutSeconds } = expected;
  return askUntil(
    context,
    { gate: "security-groups", on: stack, timeoutSeconds },
    async () => {
      const since = context.clock.now();
      try {
        return { since, ...(await look(clients, expected)) };
      } catch (error) {
        if (!isAwsError(error, "denied", "not-found")) throw error;
        const what = `Security groups were not looked at: ${error.what}`;
        const why = error.failure === "denied" ? "a right is missing" : "something is not there";
        return { seen: `not looked at: ${why}`, since, findings: [unchecked(place, what, error.fix)] };
      }
    },
    (waiting) => ({
      cause: {
        id: "security-groups-unread",
        what: `Security groups could not be read for ${timeoutSeconds} s: ${waiting}.`,
        fix: "Run it again when AWS answers.",
      },
      evidence: [],
    }),
  );
}

async function look(
  { ec2, elb }: { readonly ec2: Ec2Send; readonly elb: ElbSend },
  { stack, place, services, database }: SecurityGroupsExpectation,
): Promise<Omit<Extract<Attempt, { readonly since: number }>, "since"> | Extract<Attempt, { readonly cause: object }>> {
  if (services.length === 0) {
    const what = "Security groups were not looked at: no service has network interfaces of its own.";
    const fix = "Give task definitions the network mode `awsvpc`; or remove `security-groups`.";
    return { seen: "no service has security groups", findings: [unchecked(place, what, fix)] };
  }
  const balancers = await balancersOf(
    elb,
    services.flatMap(({ targetGroups }) => targetGroups),
  );
  const used = [
    ...services.flatMap(({ securityGroups }) => securityGroups),
    ...[...balancers.values()].flat().flatMap(({ groups }) => groups),
    ...(database?.securityGroups ?? []),
  ];
  const [groups, blocks] = await Promise.all([
    rulesOf(ec2, used),
    blocksOf(
      ec2,
      services.flatMap(({ subnets }) => subnets),
    ),
  ]);
  const ends = services.map((service) => ({ service, end: endOf(service, blocks) }));
  const answers = waysOf(ends, balancers, database).map((way) => judgeWay(groups, way));
  const closed = answers.flatMap((answer) => (answer.kind === "closed" ? [answer] : []));
  // A network load balancer without groups may hand on the addresses of those who ask: then a task must let in all of them.
  const open = ends.flatMap(({ service, end }) =>
    service.targetGroups.some((arn) => balancers.get(arn)?.some((one) => one.groups.length === 0))
      ? []
      : openToAll(groups, end),
  );
  const wrong = [...new Set([...closed.map(({ why }) => why), ...open])];
  if (wrong.length === 0) {
    const findings = answers.flatMap((answer) =>
      answer.kind === "unknown"
        ? [unchecked(place, `Of security groups not all was seen: ${answer.why}.`, answer.fix)]
        : [],
    );
    return { seen: `${answers.length - findings.length} of ${answers.length} ways are open`, findings };
  }
  const shut = open.length === 0 ? [] : ["Let in security groups only: that of the load balancer, those of tasks."];
  const cause = {
    id: closed.length > 0 ? "security-group-closed" : "security-group-open",
    what: `Security groups are not as ${stack} needs them: ${wrong.join("; ")}.`,
    fix: [...new Set([...closed.map(({ fix }) => fix), ...shut])].join(" "),
  };
  return { seen: wrong.join("; "), cause, evidence: [] };
}

interface ServiceEnd {
  readonly service: NetworkedService;
  readonly end: End;
}

function endOf({ key, securityGroups, subnets }: NetworkedService, blocks: ReadonlyMap<string, string>): End {
  return { name: key, groups: securityGroups, cidrs: subnets.flatMap((subnet) => blocks.get(subnet) ?? []) };
}

/** Who must reach whom: hosts the code, load balancers what stands behind them, everybody the database. */
function waysOf(
  all: readonly ServiceEnd[],
  balancers: ReadonlyMap<string, readonly End[]>,
  database: SecurityGroupsExpectation["database"],
): readonly Way[] {
  const hosts = all.flatMap(({ service, end }) => (service.kind === "code-location" ? [] : [end]));
  const base = { name: "the database", groups: database?.securityGroups ?? [], cidrs: [] };
  return all.flatMap(({ service: { kind, port, targetGroups }, end }): readonly Way[] => {
    const from = kind === "code-location" ? hosts : targetGroups.flatMap((arn) => balancers.get(arn) ?? []);
    return [
      ...(port === null ? [] : from.map((each) => ({ from: each, to: end, port }))),
      ...(database === null ? [] : [{ from: end, to: base, port: database.port }]),
    ];
  });
}

function unchecked(where: Place | string, what: string, fix: string): Finding {
  return { id: "not-checked", level: "notice", where, what, fix };
}
