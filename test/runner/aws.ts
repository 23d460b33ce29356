// AWS's command line, as far as the script of `dagster-ecs leave` uses it: nothing on this machine brings the real one.
//   aws <service> <operation> --no-cli-pager --cli-input-json <json or file://path>
//   aws ecs wait services-stable --cluster <name> --services <name>…
//   aws s3 rm --recursive s3://<bucket>/<prefix>
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BatchDeleteImageCommand, ECRClient } from "@aws-sdk/client-ecr";
import {
  DeregisterTaskDefinitionCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { DeleteObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

const [service = "", operation = "", ...rest] = process.argv.slice(2);
const longestSeconds = 120;

switch (`${service} ${operation}`) {
  case "ecs register-task-definition":
    await new ECSClient().send(new RegisterTaskDefinitionCommand(input() as never));
    break;
  case "ecs update-service":
    await new ECSClient().send(new UpdateServiceCommand(input() as never));
    break;
  case "ecs deregister-task-definition":
    await new ECSClient().send(new DeregisterTaskDefinitionCommand(input() as never));
    break;
  case "ecr batch-delete-image": {
    const { failures = [] } = await new ECRClient().send(new BatchDeleteImageCommand(input() as never));
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    break;
  }
  case "ecs wait":
    await servicesStable();
    break;
  case "s3 rm":
    await removeAll();
    break;
  default:
    throw new Error(`aws ${service} ${operation} is not played`);
}

function input(): unknown {
  const [pager, flag, given = ""] = rest;
  if (pager !== "--no-cli-pager" || flag !== "--cli-input-json") throw new Error(`not played: ${rest.join(" ")}`);
  return JSON.parse(given.startsWith("file://") ? readFileSync(given.slice("file://".length), "utf8") : given);
}

async function servicesStable(): Promise<void> {
  const [, , cluster = "", , ...services] = rest;
  for (let seconds = 0; seconds < longestSeconds; seconds += 1) {
    const { services: found = [] } = await new ECSClient().send(new DescribeServicesCommand({ cluster, services }));
    const isStable = found.every(
      ({ deployments = [], runningCount, desiredCount }) => deployments.length === 1 && runningCount === desiredCount,
    );
    if (isStable && found.length === services.length) return;
    await sleep(1000);
  }
  throw new Error("the services are not stable");
}

async function removeAll(): Promise<void> {
  const [, Bucket = "", Prefix = ""] = /^s3:\/\/([^/]+)\/(.*)$/.exec(rest.at(-1) ?? "") ?? [];
  const s3 = new S3Client({ forcePathStyle: true });
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  for (const { Key } of Contents) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
}
