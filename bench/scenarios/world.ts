import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type {
  DescribeServiceDeploymentsResponse,
  DescribeTasksResponse,
  ECS,
  Service,
  ServiceDeployment,
  Task,
} from "@aws-sdk/client-ecs";
import type { Gateway } from "../../test/local-aws/gateway/gateway.ts";
import { createJumpingClock, type JumpingClock } from "../../test/local-aws/jumping/jumping-clock.ts";
import { openSleepers, type Sleepers } from "../../test/local-aws/jumping/sleepers.ts";
import type { Rules } from "../../test/local-aws/rules.ts";
import type { RuntimeTask } from "../../test/local-aws/runtime.ts";
import type { Behaviour, ScriptedRuntime } from "../../test/local-aws/runtimes/scripted.ts";
import { answer, serviceOf } from "../../test/local-aws/wire/route.ts";
import { playDagster } from "../../test/releases/played/played-dagster.ts";
import { serveDagster } from "../../test/releases/processes/serve-dagster.ts";
import { containers, type Containers } from "../../test/unit/deployments/scenarios/containers.ts";
import { faults } from "../../test/unit/deployments/scenarios/faults.ts";
import { others, type Others } from "../../test/unit/deployments/scenarios/others.ts";
import { classesOf, type Play } from "../../test/unit/deployments/scenarios/play.ts";
import { serviceSettings } from "../../test/unit/deployments/scenarios/settings.ts";
import { untruths } from "../../test/unit/deployments/scenarios/truth.ts";
import { caller, images, type World } from "../../test/unit/deployments/scenarios/world.ts";
import { addTargetGroup, behind } from "../../test/unit/local-aws/load-balanced.ts";
import { type Ground, openGround } from "../../test/unit/local-aws/stage.ts";
import { answerLogEvents } from "../../test/unit/scripted-logs.ts";
import { forward } from "../forward.ts";
import type { Backing } from "./backing.ts";

/** A scenario around a real process: AWS on a port, on a clock that jumps over what everybody sleeps through. */
export interface ProcessWorld {
  readonly clock: JumpingClock;
  /** An empty bucket of its own. */
  readonly bucket: string;
  /** A webserver that there is while `app` runs. */
  readonly dagster: string;
  /** For a process that deploys; `pythonPath`: where its packages are. */
  environment(): Readonly<Record<string, string>>;
  /** Begins what befalls it, and who interferes; `abort` is how the process is cancelled. */
  begin(abort: () => void): void;
  /** What there is in the end. */
  end(): Promise<Ended>;
  /** What was asked by whoever deploys, by operation. */
  calls(): readonly string[];
  close(): Promise<void>;
}

export interface Ended {
  readonly service: Service | null;
  /** Oldest first, without that of `app:1` in the beginning. */
  readonly serviceDeployments: readonly ServiceDeployment[];
  /** Tasks of what was to be rolled out that failed, oldest first. */
  readonly failed: readonly Task[];
  /** Does what was to be rolled out run, all of it, and nothing else? */
  readonly runs: boolean;
}

export interface WorldOptions {
  readonly backing: Backing;
  /** Where the packages of a Python program are. */
  readonly pythonPath?: readonly string[];
  /** What tasks with our image do, instead of what the scenario says. */
  readonly behaviour?: Behaviour;
  /** Rules of the bed that are other than usual. */
  readonly rules?: Partial<Rules>;
  /** Services beside `app`, alike. */
  readonly beside?: readonly string[];
  /** The program has the machine's own clock and sleeps as long as it says. */
  readonly isRealTime?: boolean;
}

/** Cluster `main` with service `app`, on which `app:1` runs and has been complete for an hour. */
export async function openProcessWorld(given: Play, options: WorldOptions): Promise<ProcessWorld> {
  const opened = Date.now();
  const clock = createJumpingClock(-2 * anHour);
  const pass = (milliseconds: number) => clock.jumpTo(clock.now() + milliseconds);
  const ground = await openGround({ bed: clock, pass }, options.rules === undefined ? {} : { rules: options.rules });
  const { aws, ecs, runtime } = ground;
  const classes = classesOf(given);
  const { definition, isLoadBalanced, behave }: Containers = containers[classes.containers];
  const balanced = isLoadBalanced === true ? behind(addTargetGroup(aws)) : {};
  const settings = serviceSettings(classes.breaker, classes.strategy);
  const first = await ground.register();
  await ground.create(first, { ...settings, ...balanced });
  for (const serviceName of options.beside ?? [])
    await ecs.createService({
      cluster: "main",
      serviceName,
      taskDefinition: first,
      desiredCount: 1,
      ...network,
      ...settings,
    });
  await ground.pass(3600);
  if ((await ground.primary()).rolloutState !== "COMPLETED") throw new Error("app:1 is not complete after an hour");
  const before = await ground.serviceDeployment();
  // An answer is old by one write at most: this one keeps the service in it, which is an hour old.
  const { serviceArn } = await ground.service();
  await ecs.tagResource({ resourceArn: serviceArn ?? "", tags: [{ key: "complete", value: "true" }] });

  const gateway = await options.backing.open(aws, clock);
  const bucket = await options.backing.bucket(gateway.url, aws.region);
  const server = await serve(ground, gateway);
  const services = ["app", ...(options.beside ?? [])];
  const dagster = await serveDagster(
    playDagster(aws, () => clock.now(), {
      cluster: "main",
      locations: Object.fromEntries(services.map((name) => [name, name])),
      webserver: "app",
      daemons: [],
      broken: { has: () => false },
    }),
  );
  const sleepers: Sleepers = await openSleepers(clock, options.pythonPath);
  const somebody: Others = others[classes.others];
  const world = (abort: () => void): World => ({
    ...ground,
    runtime: withWanted(runtime),
    later: (seconds, act) =>
      void clock.after(seconds * 1000, () => clock.hold(Promise.resolve(act()).catch(() => undefined))),
    abort: () => {
      abort();
      clock.interrupt();
    },
  });
  await somebody.before?.(world(() => undefined));
  await clock.jumpTo(opened);
  return {
    clock,
    bucket,
    dagster: dagster.url,
    environment: () => ({
      PATH: process.env["PATH"] ?? "",
      AWS_ENDPOINT_URL: server.url,
      AWS_REGION: aws.region,
      AWS_DEFAULT_REGION: aws.region,
      AWS_ACCESS_KEY_ID: caller,
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_EC2_METADATA_DISABLED: "true",
      ...(options.isRealTime === true ? { PYTHONPATH: (options.pythonPath ?? []).join(":") } : sleepers.environment()),
    }),
    begin: (abort) => {
      const its = world(abort);
      behave?.(its);
      if (options.behaviour !== undefined) its.runtime.script(images.ours, options.behaviour);
      faults[classes.faults](its);
      somebody.meanwhile?.(its);
    },
    end: async () => {
      const { services = [] } = await ecs.describeServices({ cluster: "main", services: ["app"] });
      const service = services.find(({ status }) => status === "ACTIVE") ?? null;
      const wanted = definition === null ? "app:1" : "app:2";
      const besideOld = classes.strategy === "done while old ones run";
      const digest = given.request?.digests !== undefined;
      const wrong = await untruths({ aws }, { revision: wanted, digest, besideOld });
      const arns = service === null ? [] : await deploymentsAfter(ecs, before.serviceDeploymentArn);
      const { serviceDeployments = [] }: DescribeServiceDeploymentsResponse =
        arns.length === 0 ? {} : await ecs.describeServiceDeployments({ serviceDeploymentArns: [...arns] });
      const { taskArns = [] } = await ecs.listTasks({ cluster: "main", desiredStatus: "STOPPED" });
      const { tasks = [] }: DescribeTasksResponse =
        taskArns.length === 0 ? {} : await ecs.describeTasks({ cluster: "main", tasks: taskArns });
      return {
        service,
        serviceDeployments: serviceDeployments.toSorted(
          (a, b) => milliseconds(a.createdAt) - milliseconds(b.createdAt),
        ),
        failed: tasks
          .filter(
            ({ taskDefinitionArn = "", stopCode = "" }) => taskDefinitionArn.endsWith(":2") && failures.has(stopCode),
          )
          .toSorted((a, b) => milliseconds(a.stoppingAt) - milliseconds(b.stoppingAt)),
        runs: wrong.length === 0,
      };
    },
    calls: () => server.calls,
    close: async () => {
      await sleepers.close();
      await server.close();
      await dagster.close();
      await gateway.close();
      await aws.close();
    },
  };
}

const failures: ReadonlySet<string> = new Set(["EssentialContainerExited", "TaskFailedToStart"]);
const anHour = 3_600_000;
const network = {
  networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
};

async function deploymentsAfter(ecs: ECS, first: string | undefined): Promise<readonly string[]> {
  const { serviceDeployments = [] } = await ecs.listServiceDeployments({ cluster: "main", service: "app" });
  const arns = serviceDeployments.map(({ serviceDeploymentArn = "" }) => serviceDeploymentArn);
  return arns.filter((arn) => arn !== first).slice(0, 20);
}

function milliseconds(date: Date | undefined): number {
  return date?.getTime() ?? 0;
}

/**
 * The image that is to be deployed has another name with each program: ours makes it, and names its digest. It is what every revision
 * runs that neither was there before nor is somebody else's.
 */
function withWanted(runtime: ScriptedRuntime): ScriptedRuntime {
  const isWanted = ({ definition }: RuntimeTask): boolean =>
    definition.containerDefinitions?.some(({ image = "" }) => image !== images.before && image !== images.theirs) ===
    true;
  const notFound: Behaviour = {
    kind: "never-starts",
    reason: `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${images.ours}: not found`,
    afterSeconds: 120,
  };
  return {
    ...runtime,
    script: (key, behaviour) => runtime.script(key === images.ours ? isWanted : key, behaviour),
    forgetImage: (image) => (image === images.ours ? runtime.script(isWanted, notFound) : runtime.forgetImage(image)),
  };
}

/** The bed's own services, the log of its scripted containers, and behind them S3, ECR and STS, on one port of this machine. */
async function serve({ aws, runtime }: Ground, gateway: Gateway) {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const reply = async (): Promise<void> => {
      const body = await buffer(request);
      const { headers } = request;
      if (String(headers["x-amz-target"]).startsWith("Logs_")) {
        calls.push(operationOf(headers));
        const told = answerLogEvents(runtime, body);
        response.writeHead(told.statusCode, { "content-type": "application/x-amz-json-1.1" }).end(told.answer);
      } else if (serviceOf(headers) === null) {
        calls.push(`${request.method ?? ""} ${request.url ?? ""}`);
        await forward(gateway.url, request, body, response);
      } else {
        calls.push(operationOf(headers));
        const answered = await answer(aws, { headers, body });
        if (answered === null) response.destroy();
        else response.writeHead(answered.status, answered.headers).end(answered.body);
      }
    };
    reply().catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", done);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function operationOf(headers: IncomingHttpHeaders): string {
  return String(headers["x-amz-target"]).split(".")[1] ?? "";
}
