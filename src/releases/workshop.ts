import { guarded } from "../aws/send.ts";
import type { Dagster } from "../dagster/client.ts";
import type { ServiceNetwork } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import type { Plan } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import type { HeldLock } from "./lock.ts";
import { successorOf } from "./observation.ts";
import { taskNetwork } from "./observe.ts";
import type { Session } from "./session.ts";
import type { ImageWorkshop, Workshop } from "./steps.ts";
import type { Undertaking } from "./undertaking.ts";

/** What the steps of a plan are carried out with. */
export function workshop(
  context: Context,
  session: Session,
  lock: HeldLock,
  undertaking: Undertaking,
  release: Release,
): Workshop {
  const { observation, plan } = undertaking;
  const { stack, clients, request } = session;
  return {
    ...imageWorkshop(context, session, undertaking),
    clients: { ...clients, ecs: guarded(clients.ecs, () => lock.check()) },
    imageKeys: Object.fromEntries(Object.entries(observation.images).map(([key, { contentKey }]) => [key, contentKey])),
    parameters: observation.parameters,
    dagster: webserverOf(context, session),
    network: (): Promise<ServiceNetwork> => taskNetwork(clients, stack.contract, stack.file),
    release,
    attempt: request.owner.attempt,
    handedOver: handedOverBy(plan),
  };
}

/** What its images are made with. */
export function imageWorkshop(
  context: Context,
  { stack }: Session,
  { images }: Pick<Undertaking, "images">,
): ImageWorkshop {
  return {
    context,
    stack,
    images: images.clients,
    imageObservations: images.observations,
    copyObservations: images.copies,
  };
}

/** The webserver as the runner reaches it; null when no address is known. */
export function webserverOf(context: Context, { stack, connections }: Session): Dagster | null {
  const url = Object.values(stack.services).flatMap((service) =>
    service.kind === "webserver" && service.url !== null ? [service.url] : [],
  )[0];
  return url === undefined ? null : connections.webserver(context, { url, headers: {} });
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
