import type { DescribeServicesResponse, ListServiceDeploymentsResponse } from "@aws-sdk/client-ecs";
import type { Rules } from "../../local-aws/rules.ts";
import type { TaskBehaviour } from "../../local-aws/runtimes/scripted.ts";
import { openStage, readPastClient, type ServiceSettings, type Stage } from "./stage.ts";

/** What an onlooker sees of service `app`: a line for every second in which it looks different from the one before. */
export async function timeline(stage: Stage, seconds: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const known = new Map<string, string>();
  const note = async (second: number) => {
    const looks = await looksOf(stage, known);
    if (!lines.at(-1)?.endsWith(looks)) lines.push(`${second} ${looks}`);
  };
  for (let second = 0; second < seconds; second += 1) {
    await note(second);
    await stage.pass(1);
  }
  await note(seconds);
  return lines;
}

export interface Script {
  readonly rules: Partial<Rules>;
  readonly settings?: ServiceSettings;
  /** How tasks of `app:2` behave. */
  readonly behaviour?: TaskBehaviour;
  /** What somebody does beside the deployment of `app:2`, and when. */
  readonly meanwhile?: { readonly afterSeconds: number; readonly act: (stage: Stage) => Promise<unknown> };
  readonly healthCheck?: boolean;
  /** 300 unless told. */
  readonly seconds?: number;
}

/** A healthy `app:1` is replaced by `app:2`; @returns its timeline from then on, and its events. */
export async function rollout(script: Script): Promise<string> {
  const { rules, settings = {}, behaviour, meanwhile, healthCheck = false, seconds = 300 } = script;
  const stage = await openStage({ rules });
  await stage.create(await stage.register({ healthCheck }), settings);
  await stage.untilSettled();
  if (behaviour !== undefined) stage.runtime.script("app:2", behaviour);
  await stage.update({ taskDefinition: await stage.register({ healthCheck }) });
  const before = await timeline(stage, meanwhile?.afterSeconds ?? seconds);
  await meanwhile?.act(stage);
  const after = meanwhile === undefined ? [] : await timeline(stage, seconds - meanwhile.afterSeconds);
  const events = (await stage.events()).map((text) => text.replaceAll(/[0-9a-f]{19,32}/g, "…"));
  return [...before, ...after, ...events].join("\n");
}

async function looksOf({ aws }: Stage, known: Map<string, string>): Promise<string> {
  const { services = [] }: DescribeServicesResponse = await readPastClient(aws, "DescribeServices", {
    cluster: "main",
    services: ["app"],
  });
  const { serviceDeployments = [] }: ListServiceDeploymentsResponse = await readPastClient(
    aws,
    "ListServiceDeployments",
    {
      cluster: "main",
      service: "app",
    },
  );
  const short = (id = "") => {
    if (!known.has(id)) known.set(id, `D${known.size + 1}`);
    return known.get(id) ?? "";
  };
  const [service] = services;
  const deployments = (service?.deployments ?? []).map((one) =>
    [
      short(one.id),
      one.status,
      one.rolloutState,
      one.taskDefinition?.split("/").at(-1),
      `${one.runningCount ?? 0}+${one.pendingCount ?? 0} of ${one.desiredCount ?? 0}`,
      `failed ${one.failedTasks ?? 0}`,
    ].join(" "),
  );
  const current = serviceDeployments.findIndex(
    ({ serviceDeploymentArn }) => serviceDeploymentArn === service?.currentServiceDeployment,
  );
  return [...deployments, serviceDeployments.map(({ status }) => status).join(","), `current ${current}`].join(" | ");
}
