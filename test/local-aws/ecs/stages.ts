import type {
  DeploymentConfiguration,
  DeploymentLifecycleHookAction,
  DeploymentLifecycleHookStage,
} from "@aws-sdk/client-ecs";
import type { Bed } from "./bed.ts";
import { completeDeployment, remember, rollBack } from "./deployments.ts";
import { statusReasons } from "./events.ts";
import { countsAsHealthy } from "./health.ts";
import { isOf, measure } from "./measure.ts";
import { isGone, isLive, tasksOf, type Deployment, type Hook, type Service, type ServiceDeployment } from "./state.ts";

/**
 * Blue/green, linear and canary: one stage after the other, each held up by its hooks. The target runs at full count beside the
 * source until production traffic has gone over and the bake time has passed.
 * Source: blue-green-deployment-how-it-works.html in the developer guide, API_DeploymentConfiguration.
 */
const stages = [
  "RECONCILE_SERVICE",
  "PRE_SCALE_UP",
  "SCALE_UP",
  "POST_SCALE_UP",
  "TEST_TRAFFIC_SHIFT",
  "POST_TEST_TRAFFIC_SHIFT",
  "PRODUCTION_TRAFFIC_SHIFT",
  "POST_PRODUCTION_TRAFFIC_SHIFT",
  "BAKE_TIME",
  "CLEAN_UP",
] as const;

/** Goes through the stages as far as they let it. */
export function advanceStages(bed: Bed, service: Service, deployment: Deployment): void {
  const { serviceDeployment } = deployment;
  if (serviceDeployment.status !== "IN_PROGRESS") return;
  if (serviceDeployment.stage === undefined) enter(bed, service, serviceDeployment, stages[0]);
  while (isPassed(bed, service, deployment)) {
    const next = stages[stages.findIndex((stage) => stage === serviceDeployment.stage) + 1];
    if (next === undefined) {
      completeDeployment(bed, service, deployment);
      return;
    }
    enter(bed, service, serviceDeployment, next);
    if (next === "CLEAN_UP") bed.wake(service);
  }
}

/** Lets a hook go on, or turns its rollout back. @returns whether it was waiting for that */
export function answerHook(
  bed: Bed,
  service: Service,
  serviceDeployment: ServiceDeployment,
  hookId: string,
  action: DeploymentLifecycleHookAction,
): boolean {
  const hook = serviceDeployment.hooks.find(({ id }) => id === hookId);
  if (hook?.status !== "AWAITING_ACTION" || serviceDeployment.status !== "IN_PROGRESS") return false;
  end(bed, service, serviceDeployment, hook, action === "ROLLBACK" ? "FAILED" : "SUCCEEDED");
  return true;
}

function isPassed(bed: Bed, service: Service, deployment: Deployment): boolean {
  const { stage, hooks, due } = deployment.serviceDeployment;
  if (!due || hooks.some(({ status }) => status === "AWAITING_ACTION")) return false;
  const { own } = measure(bed, service);
  if (stage === "SCALE_UP") return own.filter(countsAsHealthy).length >= service.desiredCount;
  if (stage !== "CLEAN_UP") return true;
  const remains = bed.rules.completionWaitsForStopped ? (task: (typeof own)[number]) => !isGone(task) : isLive;
  return !tasksOf(bed.state, service).some((task) => remains(task) && !isOf(task, deployment));
}

function enter(bed: Bed, service: Service, serviceDeployment: ServiceDeployment, stage: (typeof stages)[number]): void {
  const { configuration, sources } = serviceDeployment;
  remember(bed, serviceDeployment);
  serviceDeployment.stage = stage;
  // Nothing runs yet that traffic would have to be taken from.
  const isFirst = sources.length === 0;
  if (!isFirst) hold(bed, service, serviceDeployment, stage);
  const steps = isFirst ? [] : stepsOf(configuration);
  const minutes = stage === "BAKE_TIME" && !isFirst ? (configuration.bakeTimeInMinutes ?? 0) : 0;
  if (stage === "PRODUCTION_TRAFFIC_SHIFT") shift(bed, service, serviceDeployment, steps);
  else wait(bed, service, serviceDeployment, minutes * 60);
}

/** Moves production traffic step by step; the last step is all of it. */
function shift(bed: Bed, service: Service, serviceDeployment: ServiceDeployment, steps: readonly Step[]): void {
  const [step, ...more] = steps;
  if (step === undefined) {
    serviceDeployment.traffic = 100;
    wait(bed, service, serviceDeployment, 0);
    return;
  }
  serviceDeployment.due = false;
  serviceDeployment.traffic = step.percent;
  bed.time.later(step.minutes * 60, () => {
    if (serviceDeployment.stage === "PRODUCTION_TRAFFIC_SHIFT" && serviceDeployment.status === "IN_PROGRESS") {
      shift(bed, service, serviceDeployment, more);
      bed.wake(service);
    }
  });
}

interface Step {
  readonly percent: number;
  readonly minutes: number;
}

/** Steps before the last, each with the time that it is looked at. */
function stepsOf({ strategy, canaryConfiguration, linearConfiguration }: DeploymentConfiguration): readonly Step[] {
  if (strategy === "CANARY") {
    const { canaryPercent = 5, canaryBakeTimeInMinutes = 10 } = canaryConfiguration ?? {};
    return [{ percent: canaryPercent, minutes: canaryBakeTimeInMinutes }];
  }
  if (strategy !== "LINEAR") return [];
  const { stepPercent = 10, stepBakeTimeInMinutes = 6 } = linearConfiguration ?? {};
  return Array.from({ length: Math.ceil(100 / stepPercent) - 1 }, (_none, index) => ({
    percent: (index + 1) * stepPercent,
    minutes: stepBakeTimeInMinutes,
  }));
}

function wait(bed: Bed, service: Service, serviceDeployment: ServiceDeployment, seconds: number): void {
  const { stage } = serviceDeployment;
  serviceDeployment.due = false;
  bed.time.later(seconds + bed.rules.stageSeconds, () => {
    if (serviceDeployment.stage !== stage) return;
    serviceDeployment.due = true;
    bed.wake(service);
  });
}

/** Sets up the hooks of a stage. One before production traffic shows in the stage of that: the stages have no such name. */
function hold(bed: Bed, service: Service, serviceDeployment: ServiceDeployment, stage: (typeof stages)[number]): void {
  const held: readonly DeploymentLifecycleHookStage[] =
    stage === "PRODUCTION_TRAFFIC_SHIFT"
      ? ["PRE_PRODUCTION_TRAFFIC_SHIFT", stage]
      : stage === "SCALE_UP" || stage === "BAKE_TIME" || stage === "CLEAN_UP"
        ? []
        : [stage];
  for (const { lifecycleStages = [], timeoutConfiguration } of serviceDeployment.configuration.lifecycleHooks ?? []) {
    if (!lifecycleStages.some((one) => held.includes(one))) continue;
    const minutes = timeoutConfiguration?.timeoutInMinutes ?? bed.rules.pauseMinutes;
    const hook: Hook = {
      id: bed.names.uuid(),
      status: "AWAITING_ACTION",
      expiresAt: bed.time.now() + minutes * 60_000,
      timeoutAction: timeoutConfiguration?.action ?? "ROLLBACK",
    };
    serviceDeployment.hooks = [...serviceDeployment.hooks, hook];
    bed.time.laterAtPace(minutes * 60, () => {
      const still = serviceDeployment.hooks.find(({ id }) => id === hook.id);
      if (still?.status === "AWAITING_ACTION" && serviceDeployment.status === "IN_PROGRESS") {
        end(bed, service, serviceDeployment, still, "TIMED_OUT");
      }
    });
  }
}

function end(
  bed: Bed,
  service: Service,
  serviceDeployment: ServiceDeployment,
  hook: Hook,
  status: "SUCCEEDED" | "FAILED" | "TIMED_OUT",
): void {
  remember(bed, serviceDeployment);
  serviceDeployment.hooks = serviceDeployment.hooks.map((one) => (one === hook ? { ...hook, status } : one));
  if (status === "FAILED" || (status === "TIMED_OUT" && hook.timeoutAction === "ROLLBACK")) {
    rollBack(bed, service, statusReasons.hook);
  }
  bed.wake(service);
}
