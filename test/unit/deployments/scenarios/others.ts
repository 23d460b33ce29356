import { existing } from "../../local-aws/stage.ts";
import { images, type World } from "./world.ts";

/** Somebody else, before whoever deploys begins, and meanwhile. */
export interface Others {
  readonly before?: (world: World) => Promise<unknown>;
  readonly meanwhile?: (world: World) => void;
  /** They bring our own revision. */
  readonly isOurs?: true;
}

async function deployTheirs(world: World): Promise<void> {
  await world.update({ taskDefinition: await world.register({ image: images.theirs }) });
}

/** Does this as soon as ECS has begun to go back to `app:1`. */
function whenTakenBack(world: World, act: () => unknown): void {
  const look = async (): Promise<void> => {
    const { taskDefinition = "" } = await world.service();
    if (taskDefinition.endsWith(":1")) await act();
    else world.later(10, look);
  };
  // Not before the deployment has begun.
  world.later(60, look);
}

function after(seconds: number, act: (world: World) => unknown): Others {
  return { meanwhile: (world) => world.later(seconds, () => act(world)) };
}

async function answerHook(world: World, action: "CONTINUE" | "ROLLBACK"): Promise<void> {
  const { serviceDeploymentArn, lifecycleHookDetails = [] } = await world.serviceDeployment();
  const waiting = lifecycleHookDetails.find(({ status }) => status === "AWAITING_ACTION");
  await world.ecs.continueServiceDeployment({
    serviceDeploymentArn: existing(serviceDeploymentArn),
    hookId: existing(waiting?.hookId),
    action,
  });
}

export const others = {
  nobody: {},
  "deploys another revision": after(30, deployTheirs),
  "deploys what ran before": after(30, (world) => world.update({ taskDefinition: "app:1" })),
  "deploys another revision while ECS goes back": {
    meanwhile: (world) => whenTakenBack(world, () => deployTheirs(world)),
  },
  "deletes the service": after(30, ({ ecs }) => ecs.deleteService({ cluster: "main", service: "app", force: true })),
  "scales it to nothing": after(30, (world) => world.update({ desiredCount: 0 })),
  "scales it up": after(30, (world) => world.update({ desiredCount: 4 })),
  "forces our revision anew": after(30, (world) => world.update({ forceNewDeployment: true })),
  "stops the deployment": after(30, async (world) => {
    const { serviceDeploymentArn } = await world.serviceDeployment();
    await world.ecs.stopServiceDeployment({ serviceDeploymentArn: existing(serviceDeploymentArn) });
  }),
  "lets the pause go on": after(200, (world) => answerHook(world, "CONTINUE")),
  "turns the pause back": after(200, (world) => answerHook(world, "ROLLBACK")),
  "cancels after 40 s": after(40, (world) => world.abort()),
  "cancels after 100 s": after(100, (world) => world.abort()),
  "has begun it already": {
    before: async (world) => {
      await world.update({ taskDefinition: "app:2" });
      await world.pass(20);
    },
    isOurs: true,
  },
  "has tried it before, and failed": {
    before: async (world) => {
      world.runtime.script(images.ours, { kind: "never-starts", reason: "CannotPullContainerError: not found" });
      await world.update({ taskDefinition: "app:2" });
      await world.pass(1200);
      world.runtime.script(images.ours, { kind: "healthy" });
    },
    isOurs: true,
  },
} as const satisfies Readonly<Record<string, Others>>;
