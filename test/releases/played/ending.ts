import type { Service, Task } from "@aws-sdk/client-ecs";
import type { Current, Intent, Lock, Outcome } from "../../../src/domain/journal.ts";
import { parseRevision, showRevision } from "../../../src/domain/verdict.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { LocalAws } from "../../local-aws/local-aws.ts";
import { formerDaemon } from "./account.ts";
import { servicesByKey } from "./services.ts";

/** What an ending is read from: ECS, and every object in S3 by bucket and key. */
export interface Rest {
  readonly aws: LocalAws;
  readonly s3: { readonly objects: ReadonlyMap<string, { readonly text: string }> };
  /** Bucket and prefix of the records of the stack. */
  readonly recordsPrefix: string;
  /** Its name, and that of its cluster; `small` unless told. */
  readonly stack?: string;
  /** Tasks of each service that is to run more than one. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** What is wrong with a stack that should be at rest: one release is current, its services are as it says, nothing is left over. */
export async function wrongWith(account: Rest): Promise<readonly string[]> {
  const { s3, aws, recordsPrefix, stack = "small" } = account;
  const read = <T>(key: string): T | null => {
    const found = s3.objects.get(recordsPrefix + key);
    return found === undefined ? null : (JSON.parse(found.text) as T);
  };
  const ids = [...s3.objects.keys()].flatMap(
    (path) => /\/releases\/([^/]+)\/intent\.json$/.exec(path)?.slice(1, 2) ?? [],
  );
  const wrong: string[] = [];
  const lock = read<Lock>("lock.json");
  if (lock?.holder !== null && lock?.holder !== undefined) wrong.push(`${lock.holder.name} holds the lock still`);
  if (lock !== null && lock.open.length > 0) wrong.push(`open still: ${lock.open.join(", ")}`);
  for (const id of ids) {
    const intent = read<Intent>(`releases/${id}/intent.json`);
    if (read<Outcome>(`releases/${id}/outcome.json`) === null)
      wrong.push(`${intent?.command ?? ""} ${id} has no outcome`);
  }
  const current = read<Current>("current.json");
  const outcome = current === null ? null : read<Outcome>(`releases/${current.release}/outcome.json`);
  if (current !== null && outcome?.outcome !== "committed") wrong.push(`${current.release} is current, not committed`);
  for (const [key, service] of await servicesByKey(aws, stack)) {
    const runs = parseRevision(service.taskDefinition ?? "");
    const wanted = outcome?.release.taskDefinitions[`service/${key}`];
    if (wanted === undefined) {
      if (service.desiredCount !== 0) wrong.push(`${key} runs, and nothing is released`);
      continue;
    }
    if (runs === null || showRevision(runs) !== showRevision(wanted))
      wrong.push(`${key} runs ${runs === null ? "nothing" : showRevision(runs)} instead of ${showRevision(wanted)}`);
    const count = account.counts?.[key] ?? 1;
    if (service.runningCount !== count || service.desiredCount !== count)
      wrong.push(`${key} has ${service.runningCount ?? 0} of ${service.desiredCount ?? 0} tasks, not ${count}`);
    if (service.deployments?.length !== 1 || service.deployments[0]?.rolloutState !== "COMPLETED")
      wrong.push(`${key} is still deploying`);
  }
  wrong.push(...(await wrongWithFormer(account, current !== null)));
  const once = await tasksOfMigrations(aws, stack);
  if (once.length > 0) wrong.push(`${once.length} tasks of migrations run still`);
  wrong.push(...(await registeredTwice(account)));
  return wrong;
}

/** A daemon that the stack's replaces: it runs until a release is committed, never after that, and never beside the other one. */
async function wrongWithFormer({ aws, stack = "small" }: Rest, isReleased: boolean): Promise<readonly string[]> {
  const { services = [] } = (await readPastClient(aws, "DescribeServices", {
    cluster: stack,
    services: [formerDaemon],
  })) as { readonly services?: readonly Service[] };
  const [service] = services;
  if (service === undefined) return [];
  const wanted = isReleased ? 0 : 1;
  const [former, ours] = await Promise.all([spansOf(aws, formerDaemon), spansOf(aws, "small-daemon")]);
  const together = former.filter((one) => ours.some((other) => one.from < other.to && other.from < one.to));
  return [
    ...(service.desiredCount === wanted && service.runningCount === wanted
      ? []
      : [`${formerDaemon} has ${service.runningCount ?? 0} of ${service.desiredCount ?? 0} tasks, not ${wanted}`]),
    ...together.map(({ from }) => `two daemons ran at once, one since ${new Date(from).toISOString()}`),
  ];
}

/** When the tasks of a service ran, in milliseconds since 1970. */
async function spansOf(
  aws: LocalAws,
  serviceName: string,
): Promise<readonly { readonly from: number; readonly to: number }[]> {
  const arns = await Promise.all(
    (["RUNNING", "STOPPED"] as const).map(async (desiredStatus) => {
      const listed = await readPastClient(aws, "ListTasks", { cluster: "small", serviceName, desiredStatus });
      return (listed as { readonly taskArns?: readonly string[] }).taskArns ?? [];
    }),
  );
  const tasks = arns.flat();
  if (tasks.length === 0) return [];
  const described = (await readPastClient(aws, "DescribeTasks", { cluster: "small", tasks })) as {
    readonly tasks?: readonly Task[];
  };
  return (described.tasks ?? []).flatMap(({ startedAt, stoppedAt }) =>
    startedAt === undefined ? [] : [{ from: startedAt.getTime(), to: stoppedAt?.getTime() ?? Infinity }],
  );
}

async function tasksOfMigrations(aws: LocalAws, stack: string): Promise<readonly string[]> {
  const { taskArns: tasks = [] } = (await readPastClient(aws, "ListTasks", { cluster: stack })) as {
    readonly taskArns?: readonly string[];
  };
  if (tasks.length === 0) return [];
  const described = (await readPastClient(aws, "DescribeTasks", { cluster: stack, tasks })) as {
    readonly tasks?: readonly Task[];
  };
  return (described.tasks ?? []).flatMap(({ taskArn = "", group = "" }) =>
    group.startsWith(`family:${stack}-once-`) ? [taskArn] : [],
  );
}

/** Definitions of one content that were registered more than once. */
async function registeredTwice({ aws }: Rest): Promise<readonly string[]> {
  const { taskDefinitionArns = [] } = (await readPastClient(aws, "ListTaskDefinitions", {})) as {
    readonly taskDefinitionArns?: readonly string[];
  };
  const seen = new Map<string, string>();
  const twice: string[] = [];
  for (const arn of taskDefinitionArns) {
    const { taskDefinition, tags = [] } = (await readPastClient(aws, "DescribeTaskDefinition", {
      taskDefinition: arn,
      include: ["TAGS"],
    })) as {
      readonly taskDefinition?: { readonly family?: string };
      readonly tags?: readonly { readonly key?: string; readonly value?: string }[];
    };
    const hash = tags.find(({ key }) => key === "dagster-ecs:content-hash")?.value;
    if (hash === undefined) continue;
    const content = `${taskDefinition?.family ?? ""} ${hash}`;
    const other = seen.get(content);
    if (other !== undefined) twice.push(`${arn} is ${other} again`);
    seen.set(content, arn);
  }
  return twice;
}

/** Tasks of migrations that ran side by side: none may. */
export function sideBySide(tasks: readonly Task[]): number {
  const spans = tasks.map(({ createdAt, stoppedAt }) => [createdAt?.getTime() ?? 0, stoppedAt?.getTime() ?? Infinity]);
  return spans.filter(([a = 0], index) => spans.slice(0, index).some(([b = 0, end = 0]) => a >= b && a < end)).length;
}
