import type { ServiceObservation } from "../../deployments/service.ts";
import type { Before } from "../../domain/journal.ts";
import type { Later } from "../../domain/later.ts";
import type { Question, Undo } from "../../domain/plan.ts";
import { sameRevision, showRevision } from "../../domain/verdict.ts";
import type { CodeLocation, Service, Stack, Webserver } from "../../stack/stack.ts";
import type { ImageReferences } from "../definitions.ts";
import { type Observation, hasMoved, isScaled } from "../observation.ts";
import { type Draft, push } from "./draft.ts";
import { planDrain } from "./drain.ts";
import { noteReplaced, planReplacement } from "./replacement.ts";

/**
 * Code first, each location behind its gate; then the daemon; then the webserver; the canary last. Before any webserver runs there
 * is nobody to ask, so on a first release all gates wait for the webserver's own. A new webserver is asked for every location, also
 * for those that it loads itself. Runs that would be ended are waited for before anything moves.
 */
export function planRollout(stack: Stack, observation: Observation, images: ImageReferences, draft: Draft): void {
  const services = Object.values(stack.services);
  const rolls = new Map(services.map((service) => [service.key, neededRoll(service, observation, draft)]));
  const askable = services.some(
    ({ kind, key }) => kind === "webserver" && (observation.services[key]?.runningCount ?? 0) > 0,
  );
  // Everything is registered before the first service moves: what ECS refuses is found while nothing has changed.
  const registered = draft.steps.filter(({ part }) => part !== "images").map(({ id }) => id);
  const moving = services.flatMap(({ key }) => (rolls.get(key) === null ? [] : [key]));
  const earlier = [...registered, ...(askable ? planDrain(stack, observation, moving, registered, draft) : [])];

  const rollAll = (kind: Service["kind"], after: readonly string[]): readonly Touched[] =>
    services.flatMap((service) => {
      if (service.kind !== kind) return [];
      const roll = rolls.get(service.key) ?? null;
      const stops = planReplacement(service, observation, [...earlier, ...after], draft);
      const wasMoved = noteMoved(draft, service, observation);
      if (roll !== null)
        return [{ service, steps: [pushRoll(draft, service, roll, [...earlier, ...after, ...stops])] }];
      // Moved by a release that was cut before it had looked: nothing to write, and all to ask.
      return wasMoved || stops.length > 0 ? [{ service, steps: stops }] : [];
    });
  const gateLocation = (service: CodeLocation, after: readonly string[], again = ""): string =>
    pushGate(draft, after, { gate: "location", on: service.location, image: images[service.image] ?? "" }, again);
  const gateLoaded = (service: Webserver, after: readonly string[]): readonly string[] =>
    service.locations.map((location) =>
      pushGate(draft, after, { gate: "loaded", on: location, image: images[service.image] ?? "" }),
    );
  const gateDaemons = (after: readonly string[]): readonly string[] =>
    daemons.map(({ service, steps }) => pushGate(draft, [...steps, ...after], { gate: "daemon", on: service.key }));

  const code = rollAll("code-location", []);
  const codeGates = !askable
    ? []
    : code.flatMap(({ service, steps }) => (service.kind === "code-location" ? [gateLocation(service, steps)] : []));
  const codeDone = [...stepsOf(code), ...codeGates];
  const daemons = rollAll("daemon", codeDone);
  const daemonsDone = [...stepsOf(daemons), ...(askable ? gateDaemons([]) : [])];
  const webservers = rollAll("webserver", [...codeDone, ...daemonsDone]);
  const webserverGates = webservers.map(({ service, steps }) =>
    pushGate(draft, steps, { gate: "webserver", on: service.key }),
  );
  const lateGates =
    webserverGates.length === 0
      ? []
      : services.flatMap((service) =>
          service.kind === "code-location"
            ? [gateLocation(service, [...codeDone, ...webserverGates], askable ? "/again" : "")]
            : [],
        );
  const loadedGates = webservers.flatMap(({ service }) =>
    service.kind === "webserver" ? gateLoaded(service, webserverGates) : [],
  );
  const lateDaemons = askable ? [] : gateDaemons(webserverGates);
  noteReplaced(services, observation, draft);

  const all = [...codeDone, ...daemonsDone, ...webserverGates, ...lateGates, ...loadedGates, ...lateDaemons];
  const { canary } = stack.gates;
  if (canary?.target.kind !== "job" || all.length === 0 || stack.runs.kind !== "ecs") return;
  const run = stack.runs.definitions[canary.location];
  const image = run === undefined ? undefined : images[run.image];
  if (image === undefined) return;
  pushGate(draft, all, { gate: "canary", on: canary.location, job: canary.target.name, image });
}

interface Touched {
  readonly service: Service;
  /** Id of the step that rolls it; none when it is there already. */
  readonly steps: readonly string[];
}

function stepsOf(touched: readonly Touched[]): readonly string[] {
  return touched.flatMap(({ steps }) => steps);
}

/** @returns whether an unfinished release has moved it. */
function noteMoved(draft: Draft, service: Service, { services, before }: Observation): boolean {
  const [now, then] = [services[service.key] ?? null, before[service.key]];
  if (now === null || then === undefined) return false;
  if (!hasMoved(service, now, then)) return false;
  draft.moved.push({ service: service.key, undo: undoOf(service, then) });
  return true;
}

function undoOf(service: Service, { service: name, taskDefinition, desiredCount }: Before): Undo {
  const count = isScaled(service) && desiredCount > 0 ? null : desiredCount;
  return { kind: "roll", service: name, to: taskDefinition, count };
}

/** What an ECS service must be brought to. */
interface Roll {
  readonly observed: ServiceObservation;
  readonly to: Later;
  readonly count: number | null;
  readonly reason: string;
  readonly undo: Undo;
}

/** @returns null when it is there, or when the findings say what is missing. */
function neededRoll(service: Service, observation: Observation, draft: Draft): Roll | null {
  const observed = observation.services[service.key] ?? null;
  const to = draft.arns[`service/${service.key}`];
  if (observed === null || to === undefined) return null;
  const count = observed.desiredCount === 0 && !isScaled(service) ? service.count : null;
  const before = observation.before[service.key];
  const undo: Undo =
    before === undefined ? { kind: "none", why: "it is not known what it was before" } : undoOf(service, before);
  const known = typeof to === "string" ? draft.target.taskDefinitions[`service/${service.key}`] : undefined;
  if (known === undefined || !sameRevision(known, observed.revision)) {
    const reason = count === null ? "its task definition is another one" : "nothing runs yet";
    return { observed, to, count, reason, undo };
  }
  if (count !== null) return { observed, to, count, reason: "nothing runs yet", undo };
  if (!isSettled(observed)) return { observed, to, count, reason: "a deployment of it is under way", undo };
  draft.untouched.push({ what: `service ${service.key}`, why: `${showRevision(known)} is what it runs` });
  return null;
}

function isSettled({ primary, others, runningCount, desiredCount }: ServiceObservation): boolean {
  return primary?.state === "COMPLETED" && others.length === 0 && runningCount === desiredCount;
}

function pushRoll(
  draft: Draft,
  service: Service,
  { observed, to, count, reason, undo }: Roll,
  after: readonly string[],
): string {
  const id = `roll/${service.key}`;
  return push(draft, {
    id,
    part: "rollout",
    after,
    reason,
    undo,
    kind: "roll",
    service: service.key,
    from: observed.revision,
    to,
    count,
  });
}

function pushGate(draft: Draft, after: readonly string[], question: Question, name = ""): string {
  const id = `gate/${question.gate}/${question.on}${name}`;
  const reason = "nothing is committed that was not seen";
  return push(draft, {
    id,
    part: "rollout",
    after,
    reason,
    undo: { kind: "none", why: "a gate changes nothing" },
    kind: "gate",
    ...question,
  });
}
