import type { DescribeServicesResponse, DescribeTasksResponse, ListTasksResponse, Task } from "@aws-sdk/client-ecs";
import { readPastClient } from "../../local-aws/stage.ts";
import type { Scene } from "../scene.ts";
import { digests } from "./containers.ts";

/** What must run, and nothing else, when a rollout is called good. */
export interface Wanted {
  /** `family:revision` */
  readonly revision: string;
  /** Is its digest to be that which is wanted? */
  readonly digest: boolean;
  /** The service calls it done while old tasks still run. */
  readonly besideOld: boolean;
}

/** @returns what is not as it must be in the account, now */
export async function untruths(scene: Pick<Scene, "aws">, wanted: Wanted): Promise<readonly string[]> {
  const read = (operation: string, input: object) =>
    readPastClient(scene.aws, operation, { cluster: "main", ...input });
  const { services = [] }: DescribeServicesResponse = await read("DescribeServices", { services: ["app"] });
  const { taskArns = [] }: ListTasksResponse = await read("ListTasks", { serviceName: "app" });
  const { tasks = [] }: DescribeTasksResponse =
    taskArns.length === 0 ? {} : await read("DescribeTasks", { tasks: taskArns });
  const running = tasks.filter(({ lastStatus }) => lastStatus === "RUNNING");
  const isOurs = ({ taskDefinitionArn = "" }: Task) => taskDefinitionArn.endsWith(`/${wanted.revision}`);
  const ours = running.filter(isOurs);
  const { desiredCount = 0 } = services[0] ?? {};
  const wrong: string[] = [];
  const expected = wanted.besideOld ? Math.ceil(desiredCount / 2) : desiredCount;
  if (ours.length < expected || ours.length === 0) wrong.push(`${ours.length} of ${desiredCount} tasks run`);
  if (!wanted.besideOld && running.length > ours.length) wrong.push(`${running.length - ours.length} others run`);
  const hasOther = ({ containers = [] }: Task) => containers.some(({ imageDigest }) => imageDigest !== digests.wanted);
  if (wanted.digest && ours.some(hasOther)) wrong.push("another digest runs");
  return wrong;
}
