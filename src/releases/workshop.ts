import { guarded } from "../aws/send.ts";
import type { Dagster } from "../dagster/client.ts";
import type { Looks, ServiceNetwork } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import type { Instigators, Jobs } from "../domain/instigators.ts";
import type { Plan } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import type { CopyObservation, ImageClients, MakingObservation } from "../images/index.ts";
import type { Stack } from "../stack/index.ts";
import type { Clients } from "./connections.ts";
import type { DefinitionSources } from "./definitions.ts";
import { withNames } from "./existing.ts";
import type { HeldLock } from "./lock.ts";
import { successorOf } from "./observation.ts";
import type { Rolling } from "./rolling.ts";
import type { Session } from "./session.ts";
import { dagsStore } from "./observe/dags.ts";
import type { DagsWorkshop } from "./steps/dags.ts";
import { taskNetwork } from "./task-network.ts";
import type { Undertaking } from "./undertaking.ts";
import type { AskedWebserver } from "./webserver.ts";

/** Everything a step may need. */
export interface Workshop extends DagsWorkshop {
  readonly stack: Stack;
  /** Before each write to ECS the lock is looked at. */
  readonly clients: Clients;
  readonly images: ImageClients;
  readonly imageObservations: Readonly<Record<string, MakingObservation>>;
  readonly copyObservations: Readonly<Record<string, CopyObservation>>;
  /** Content keys, by the key of the image. */
  readonly imageKeys: Readonly<Record<string, string>>;
  /** What definitions are made of beside the stack. */
  readonly sources: DefinitionSources;
  /** null: no webserver has an address. */
  readonly dagster: Dagster | null;
  /** How it is reached. */
  readonly webserver: AskedWebserver;
  readonly network: () => Promise<ServiceNetwork>;
  readonly release: Release;
  readonly attempt: number;
  /** @throws UserError when somebody else has the lock */
  readonly checkLock: () => Promise<void>;
  readonly rolling: Rolling;
  /** Shared by services that roll side by side. */
  readonly looks: Looks;
  /** ECS services that this release has stopped, or the one that it goes on from, by the key of what takes their place. */
  readonly handedOver: Readonly<Record<string, string>>;
  /** Schedules and sensors before anything moved, by location; null: nobody could be asked. */
  readonly instigators: Instigators | null;
  /** How many jobs each location had then. */
  readonly jobs: Jobs | null;
  /** What schedules and sensors lose is only said. */
  readonly allowsStateLoss: boolean;
  /** The earlier release that is to run again; null: a deploy. */
  readonly backTo: ReleaseId | null;
}

/** What images are made with: nothing that others share can be written with it. */
export type ImageWorkshop = Pick<Workshop, "stack" | "images" | "imageObservations" | "copyObservations" | "context">;

/** Content keys of what is planned, by the key of the image. */
export function imageKeysOf({ images }: Undertaking["observation"]): Workshop["imageKeys"] {
  return Object.fromEntries(Object.entries(images).map(([key, { contentKey }]) => [key, contentKey]));
}

/** What the steps of a plan are carried out with. */
export function workshop(
  context: Context,
  session: Session,
  lock: HeldLock,
  undertaking: Undertaking,
  release: Release,
  looks: Looks,
): Workshop {
  const { observation, plan, rolling } = undertaking;
  const { stack, clients, request } = session;
  return {
    ...imageWorkshop(context, session, undertaking),
    stack: withNames(stack, observation),
    clients: { ...clients, ecs: guarded(clients.ecs, () => lock.check()) },
    imageKeys: imageKeysOf(observation),
    sources: observation,
    dagster: session.webserver.dagster,
    webserver: session.webserver,
    network: (): Promise<ServiceNetwork> => taskNetwork(clients, stack.contract, stack.file),
    release,
    attempt: request.owner.attempt,
    checkLock: () => lock.check(),
    rolling,
    looks,
    handedOver: handedOverBy(plan),
    instigators: observation.instigators.locations,
    jobs: observation.instigators.jobs,
    allowsStateLoss: undertaking.allowsStateLoss,
    backTo: plan.backTo,
  };
}

/** What its images are made with, and DAGs published. */
export function imageWorkshop(
  context: Context,
  { stack, clients, request }: Session,
  { images, dags, dagsCopies }: Pick<Undertaking, "images" | "dags" | "dagsCopies">,
): ImageWorkshop & DagsWorkshop {
  return {
    context,
    stack,
    images: images.clients,
    imageObservations: images.observations,
    copyObservations: images.copies,
    dagsObservations: dags,
    dagsCopies,
    dagsStore: (prefix) => dagsStore(clients.s3, stack, prefix),
    page: request.owner.url,
  };
}

/** What is stopped by a plan, or was by the release that it goes on from: names of ECS services, by the key of their successor. */
function handedOverBy({ steps, moved }: Plan): Workshop["handedOver"] {
  const now = steps.flatMap((step) => {
    const successor = step.kind === "stop" ? successorOf(step.service) : null;
    return step.kind === "stop" && successor !== null ? [[successor, step.name] as const] : [];
  });
  const earlier = moved.flatMap(({ service, undo }) => {
    const successor = successorOf(service);
    return successor === null || undo.kind === "none" ? [] : [[successor, undo.service] as const];
  });
  return Object.fromEntries([...earlier, ...now]);
}
