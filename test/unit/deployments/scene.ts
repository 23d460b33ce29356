import type { ECSClient } from "@aws-sdk/client-ecs";
import { ecs } from "../../../src/aws/ecs.ts";
import { logs } from "../../../src/aws/logs.ts";
import { type Call, sender } from "../../../src/aws/send.ts";
import type { ClientSettings } from "../../../src/aws/settings.ts";
import type { DeploymentClients } from "../../../src/deployments/clients.ts";
import type { RollRequest } from "../../../src/deployments/request.ts";
import type { Context } from "../../../src/domain/context.ts";
import { answerOf, type Answers, clientOver } from "../../releases/played/client.ts";
import { plainWire } from "../../releases/played/wire.ts";
import type { LocalAws } from "../../local-aws/local-aws.ts";
import { inProcessHandler, type RequestHandler } from "../../local-aws/wire/in-process.ts";
import { type TestContext, testContext } from "../context.ts";
import { scriptedLogs } from "../scripted-logs.ts";
import { addTargetGroup, behind } from "../local-aws/load-balanced.ts";
import { openStage, type ServiceSettings, type Stage, type StageOptions } from "../local-aws/stage.ts";

/** The bed's account, the product's clients for it, and one clock for both. */
export interface Scene extends Stage, Omit<TestContext, "clock"> {
  readonly clients: DeploymentClients;
  /** What the product has asked of ECS, by operation, with how it ended. */
  asked(): readonly string[];
  /** The product's own writes. */
  written(): readonly string[];
  /** Does this when so many seconds have passed. */
  later(seconds: number, act: () => unknown): void;
  /** Moves time until the work is done. */
  run<Result>(work: Promise<Result>): Promise<Result>;
  /** Everything that was reported in our own words. */
  lines(): readonly string[];
  /** Everything that was reported in words of others. */
  foreign(): readonly string[];
}

export interface SceneOptions extends StageOptions {
  readonly service?: ServiceSettings;
  /** The service stands behind a target group. */
  readonly loadBalanced?: boolean;
  /** Clients of the SDK, which sign and write bytes, or clients that hand over objects, in a third of the time; the former unless told. */
  readonly clients?: "SDK" | "memory";
}

/** Cluster `main` with service `app`, on which `app:1` runs and has been complete for an hour. */
export async function openScene(given: SceneOptions = {}): Promise<Scene> {
  const { service = {}, loadBalanced = false, clients = "SDK", ...options } = given;
  const stage = await openStage(options);
  const balanced = loadBalanced ? behind(addTargetGroup(stage.aws)) : {};
  await stage.create(await stage.register(), { ...service, ...balanced });
  await stage.pass(3600);
  if ((await stage.primary()).rolloutState !== "COMPLETED") throw new Error("app:1 is not complete after an hour");
  const tested = testContext(stage.clock);
  const { context, progress } = tested;
  const calls: Call[] = [];
  const asked = () => calls.map(({ operation, outcome }) => `${operation} ${outcome}`);
  return {
    ...stage,
    context,
    progress,
    abort: (reason) => tested.abort(reason),
    clients: {
      ecs: ecsOf[clients](stage.aws, context, (call) => calls.push(call)),
      logs: logs(context, settings(stage.aws, scriptedLogs(stage.runtime))),
    },
    asked,
    written: () => asked().filter((call) => !/^(Describe|List)/.test(call)),
    later: (seconds, act) => void stage.clock.bed.after(seconds * 1000, () => void act()),
    run: (work) => stage.clock.run(work),
    lines: () => progress.flatMap((one) => (one.kind === "line" ? [one.text] : [])),
    foreign: () => progress.flatMap((one) => (one.kind === "foreign" ? [one.text.untrusted] : [])),
  };
}

/** Half an hour for `app:2`. */
export function request(changes: Partial<RollRequest> = {}): RollRequest {
  return {
    cluster: "main",
    service: "app",
    taskDefinition: "app:2",
    desiredCount: null,
    timeoutSeconds: 1800,
    ...changes,
  };
}

/** Whom the faults of a test may strike: the product, and nobody else. */
export const caller = "product";

type EcsOf = (aws: LocalAws, context: Context, observe: (call: Call) => void) => DeploymentClients["ecs"];

const ecsOf: Readonly<Record<NonNullable<SceneOptions["clients"]>, EcsOf>> = {
  SDK: (aws, context, observe) => ecs(context, { ...settings(aws, inProcessHandler(aws)), observe }),
  memory: (aws, context, observe) => {
    const answer: Answers = (operation, input) => answerOf(aws, { service: "ecs", operation, input, caller });
    const client = clientOver("ecs", answer, plainWire, context) as unknown as ECSClient;
    return sender(client, { name: "ECS", prefix: "ecs" }, context, observe);
  },
};

function settings({ region }: LocalAws, requestHandler: RequestHandler): ClientSettings {
  return { region, credentials: { accessKeyId: caller, secretAccessKey: "unused" }, requestHandler };
}
