import type { ServiceObservation } from "../../deployments/service.ts";
import type { CanaryRun } from "../../domain/canary.ts";
import type { Later } from "../../domain/later.ts";
import type { ExpectedState, Question, Undo } from "../../domain/plan.ts";
import type { ImagePart } from "../../domain/release.ts";
import { type Revision, sameRevision, showRevision } from "../../domain/verdict.ts";
import type { CodeLocation, Expected, Service, Stack } from "../../stack/stack.ts";
import type { ImageReferences } from "../definitions.ts";
import { locationsServedBy } from "../hosts.ts";
import { isAskable, isScaled, movedOf, type Observation } from "../observation.ts";
import { locationsToBeSeen, planEarlySwitches, planPlainFiles, planSwitches } from "./dags.ts";
import { planDrain } from "./drain.ts";
import { type Draft, push } from "./draft.ts";
import type { HostChange } from "./host-change.ts";
import { planList } from "./list.ts";
import { planPutBack } from "./put-back.ts";
import { noteOthers, planReplacement } from "./replacement.ts";
import { planSettings } from "./settings.ts";
import { asksForTargets } from "../target-health.ts";
import { undoOf } from "./undo.ts";

/**
 * Code and hosts, each behind its gates, in the order in which no host is older than the code that it loads; the canary last. Before
 * any webserver runs there is nobody to ask, so on a first release all gates wait for the webserver's own. A new webserver is asked
 * for every location, also for those that it loads itself. Runs that would be ended are waited for before anything moves.
 */
export function planRollout(
  stack: Stack,
  observation: Observation,
  images: ImageReferences,
  hosts: HostChange,
  draft: Draft,
): void {
  const services = Object.values(stack.services);
  const rolls = new Map(services.map((service) => [service.key, neededRoll(service, observation, draft)]));
  const moved = movedOf(stack, observation);
  const isMoved = ({ key }: Service): boolean => moved.some((one) => one.key === key);
  const askable = isAskable(stack, observation);
  // Everything is registered before the first service moves: what ECS refuses is found while nothing has changed.
  const registered = draft.steps.filter(({ part }) => part !== "images").map(({ id }) => id);
  const moving = services.flatMap(({ key }) => (rolls.get(key) === null ? [] : [key]));
  const drained = [...registered, ...(askable ? planDrain(stack, observation, moving, registered, draft) : [])];
  const early = [...drained, ...planEarlySwitches(stack, observation, drained, draft)];
  const earlier = [...early, ...planList(observation, early, draft)];

  const rollout: Rollout = {
    locations: services.flatMap((service) => (service.kind === "code-location" ? [service] : [])),
    askable,
    // Its workspace is of the release that runs; what is moved by one that was cut may be new as well.
    isUnknown: ({ key }) =>
      observation.current !== null &&
      !Object.hasOwn(observation.current.taskDefinitions, `service/${key}`) &&
      services.some((other) => other.kind === "webserver" && (rolls.get(other.key) !== null || isMoved(other))),
    rollAll: (kind, after) =>
      services.flatMap((service) => {
        if (service.kind !== kind) return [];
        const roll = rolls.get(service.key) ?? null;
        const stops = planReplacement(service, observation, [...earlier, ...after], draft);
        if (roll !== null) {
          const before = [...earlier, ...after, ...stops];
          const settings = planSettings(service, roll.observed, before, draft);
          return [{ service, steps: [pushRoll(draft, service, roll, [...before, ...settings])] }];
        }
        // Moved by a release that was cut before it had looked: nothing to write, and all to ask.
        const isToBeSeen = isMoved(service) && draft.arns[`service/${service.key}`] !== undefined;
        return isToBeSeen || stops.length > 0 ? [{ service, steps: stops }] : [];
      }),
    askLocation: ({ location, image }, after, asked) => {
      const again = asked === "again";
      const question = { gate: "location" as const, on: location, image: images[image] ?? "", again };
      return pushGate(stack, draft, after, question, whyLocation[asked], again ? "/again" : "");
    },
    askState: (location, image, after) => {
      // Nobody could be asked before, or at the first attempt: there is nothing to compare with.
      if (!askable && observation.instigators.locations === null) return [];
      const question = { gate: "state" as const, on: location, image: images[image] ?? "" };
      const reason = "what people turned on or off, and how far sensors have come, must survive";
      return pushGate(stack, draft, after, question, reason);
    },
    askHosts: (gate, touched, after) =>
      touched.flatMap(({ service, steps }) =>
        pushGate(stack, draft, [...steps, ...after], { gate, on: service.key }, whyHost[gate]),
      ),
    askLoaded: (webservers, after) =>
      webservers.flatMap(({ service }) =>
        service.kind !== "webserver"
          ? []
          : service.locations.flatMap((location) => {
              const question = { gate: "loaded" as const, on: location, image: images[service.image] ?? "" };
              const reason = "the webserver answers whether or not this loads in it";
              const loaded = pushGate(stack, draft, after, question, reason);
              return [...loaded, ...rollout.askState(location, service.image, loaded)];
            }),
      ),
  };
  for (const [gate, { level, reason }] of Object.entries({ ...stack.gates.levels, "log-scan": stack.gates.logScan }))
    if (level === "off") draft.untouched.push({ what: `gate ${gate}`, why: `off: ${reason ?? ""}` });
  const order = hosts.kind === "up" ? hostsFirst : codeFirst;
  const rolled = order.plan(rollout);
  const switches = planSwitches(observation, [...earlier, ...rolled], draft);
  const all = [
    ...rolled,
    ...switches,
    ...planVersions(stack, observation, images, rollout, [...rolled, ...switches], draft),
  ];
  for (const service of order.kinds.toReversed().flatMap((kind) => services.filter((one) => one.kind === kind))) {
    if (!isMoved(service)) continue;
    const count = observation.services[service.key]?.desiredCount ?? 0;
    draft.moved.push({ service: service.key, undo: undoOf(service, observation.before[service.key], count) });
  }
  noteOthers(stack, observation, moved, draft);
  planExpected(stack, all, draft);
  const canary = planCanary(stack, images, all, draft);
  const isNew = (key: string): boolean => all.includes(`roll/${key}`) || moved.some((one) => one.key === key);
  planTargets(
    stack,
    observation,
    moved.map(({ key }) => key),
    all,
    draft,
  );
  planSecurityGroups(stack, all, draft);
  planLogScan(stack, isNew, [...all, ...canary], draft);
  planPutBack(stack, moved, draft);
  const asked = draft.steps.flatMap(({ id, part }) => (part === "rollout" ? [id] : []));
  planPlainFiles(observation, asked, draft);
}

/** Code from S3 is loaded in the version that it is to have, and what people have made of it is there. @returns the steps */
function planVersions(
  { dags, services, gates }: Stack,
  observation: Observation,
  images: ImageReferences,
  { askable }: Rollout,
  after: readonly string[],
  draft: Draft,
): readonly string[] {
  const rolled = new Set(draft.steps.flatMap((step) => (step.kind === "roll" ? [step.service] : [])));
  const all = Object.values(services);
  const isAnswered = askable || all.some(({ kind, key }) => kind === "webserver" && rolled.has(key));
  if (!isAnswered) return [];
  const renewed = all.filter(({ key }) => rolled.has(key)).flatMap(locationsServedBy);
  return locationsToBeSeen({ dags }, observation, renewed, draft).flatMap(({ location, seen, version, isSwitched }) => {
    const pollSeconds = dags[location]?.pollSeconds;
    if (pollSeconds === undefined) return [];
    const question = { gate: "version" as const, on: location, version, pollSeconds };
    const loaded = pushGate(
      { gates },
      draft,
      after,
      question,
      "readers follow by themselves, and Dagster must load it",
    );
    const server = all.find((service) => locationsServedBy(service).includes(location));
    const isKnown = askable || observation.instigators.locations !== null;
    if (!isSwitched || !isKnown || server === undefined || seen.before === null) return loaded;
    const state = { gate: "state" as const, on: location, image: images[server.image] ?? "" };
    return [
      ...loaded,
      ...pushGate({ gates }, draft, loaded, state, "other code may have lost what people turned on", "/dags"),
    ];
  });
}

/** What the stack file names must be so once all runs. */
function planExpected(stack: Stack, after: readonly string[], draft: Draft): void {
  const { gates, name, services } = stack;
  const [schedules, sensors] = [namedIn(gates.schedules), namedIn(gates.sensors)];
  const isNothing =
    Object.keys({ ...schedules, ...sensors, ...gates.assets }).length === 0 && gates.firstTick === "off";
  if (isNothing || after.length === 0) return;
  const locations = Object.values(services).flatMap(locationsServedBy);
  const firstTick = gates.firstTick === "off" ? null : { mode: gates.firstTick, locations: [...new Set(locations)] };
  const question = { gate: "expect" as const, on: name, schedules, sensors, assets: gates.assets, firstTick };
  pushGate(stack, draft, after, question, "the stack file says what must be there, and what it must do");
}

function namedIn(expected: Expected): Readonly<Record<string, ExpectedState>> {
  if (expected.kind === "as-before") return {};
  return Object.fromEntries(
    Object.entries(expected.states).map(([name, { status, tick, withinSeconds }]) => [
      name,
      { status, tick, ...(withinSeconds === undefined ? {} : { withinSeconds }) },
    ]),
  );
}

/** @returns its id; none: it is not asked for, or nothing moves */
function planCanary(stack: Stack, images: ImageReferences, after: readonly string[], draft: Draft): readonly string[] {
  const { canary } = stack.gates;
  if (canary === null || after.length === 0) return [];
  const { target, partition, config, logs, computeLogs, location } = canary;
  // In a process it runs what that serves or loads.
  const server =
    stack.runs.kind === "ecs"
      ? stack.runs.definitions[location]
      : Object.values(stack.services).find((service) => locationsServedBy(service).includes(location));
  const image = server === undefined ? undefined : images[server.image];
  if (image === undefined) return [];
  const run: CanaryRun = { target, partition, config, logs, computeLogs };
  const question = { gate: "canary" as const, on: location, run, image };
  return pushGate(stack, draft, after, question, "only a run shows that runs start, and on which image");
}

/** What stands behind a load balancer is reached through it by others than the gates, too. */
function planTargets(
  stack: Stack,
  observation: Observation,
  movedBefore: readonly string[],
  after: readonly string[],
  draft: Draft,
): void {
  const { gates, services } = stack;
  if (gates.targetHealth === "off") return;
  const rolled = draft.steps.flatMap((step) => (step.kind === "roll" ? [step.service] : []));
  const moved = Object.keys(services).filter((key) => rolled.includes(key) || movedBefore.includes(key));
  const behind = moved.filter((key) => (observation.services[key]?.targetGroups.length ?? 0) > 0);
  const isAsked = (key: string): boolean => asksForTargets(gates, observation.services[key] ?? null);
  for (const on of behind.filter(isAsked))
    pushGate(stack, draft, after, { gate: "targets", on }, "the load balancer sends people to healthy targets only");
  for (const on of behind.filter((key) => !isAsked(key)))
    draft.untouched.push({ what: `gate targets/${on}`, why: "its targets change groups: ECS looks at them" });
  if (gates.targetHealth === "required" && moved.length > 0 && behind.length === 0)
    draft.untouched.push({ what: "gate targets", why: "nothing that moves stands behind a load balancer" });
}

/** What answers now can be shut to the task that comes next. */
function planSecurityGroups(stack: Stack, after: readonly string[], draft: Draft): void {
  if (stack.gates.securityGroups === null || after.length === 0) return;
  const question = { gate: "security-groups" as const, on: stack.name };
  pushGate(stack, draft, after, question, "rules say what holds for the next task, too");
}

/** What a new process wrote when it started is there by the time that everything else has been asked. */
function planLogScan(stack: Stack, isNew: (key: string) => boolean, after: readonly string[], draft: Draft): void {
  const { level } = stack.gates.logScan;
  if (level === "off") return;
  for (const { key, kind } of Object.values(stack.services)) {
    if (kind === "webserver" || !isNew(key)) continue;
    const reason = "what a process says when it starts, no other gate hears";
    pushGate(stack, draft, after, { gate: "log-scan", on: key, level }, reason);
  }
}

/** Why a location is asked for. */
type LocationAsked = "moved" | "by-first-webserver" | "by-new-webserver" | "newcomer" | "again";

const whyLocation: Readonly<Record<LocationAsked, string>> = {
  moved: "nothing goes on before its new code is served",
  "by-first-webserver": "before a webserver ran nobody could be asked whether its code is served",
  "by-new-webserver": "its code stays, and the new webserver must find it as well",
  newcomer: "the webserver of before does not know this code server, and the new one must find it",
  again: "asked once more: the old webserver has found its new code, and the new one must find it as well",
};

const whyHost: Readonly<Record<"daemon" | "webserver", string>> = {
  daemon: "that its task runs does not say that it ticks: its heartbeats do",
  webserver: "that its task runs does not say that it answers",
};

/** What an order is made of. */
interface Rollout {
  readonly locations: readonly CodeLocation[];
  /** A webserver runs. */
  readonly askable: boolean;
  /** Nothing of it was released yet, and the webserver that will know it comes with this release. */
  readonly isUnknown: (service: CodeLocation) => boolean;
  readonly rollAll: (kind: Service["kind"], after: readonly string[]) => readonly Touched[];
  readonly askLocation: (service: CodeLocation, after: readonly string[], asked: LocationAsked) => readonly string[];
  /** Asks for the schedules and sensors of a location. @param image key of what serves or loads it. @returns no step when nobody needs to */
  readonly askState: (location: string, image: string, after: readonly string[]) => readonly string[];
  readonly askHosts: (
    gate: "daemon" | "webserver",
    touched: readonly Touched[],
    after: readonly string[],
  ) => readonly string[];
  /** Locations that webservers load themselves. */
  readonly askLoaded: (webservers: readonly Touched[], after: readonly string[]) => readonly string[];
}

interface Order {
  readonly kinds: readonly Service["kind"][];
  /** @returns every step */
  readonly plan: (rollout: Rollout) => readonly string[];
}

/** Each location behind its gate; then the daemon; then the webserver. */
const codeFirst: Order = {
  kinds: ["code-location", "daemon", "webserver"],
  plan: (rollout) => {
    const { locations, askable, isUnknown, rollAll, askLocation, askHosts, askLoaded } = rollout;
    const code = rollAll("code-location", []);
    const codeGates = !askable
      ? []
      : locations.flatMap((service) => {
          const touched = code.find((one) => one.service === service);
          return touched === undefined || isUnknown(service) ? [] : askMoved(rollout, service, touched.steps, "moved");
        });
    const codeDone = [...stepsOf(code), ...codeGates];
    const daemons = rollAll("daemon", codeDone);
    const daemonsDone = [...stepsOf(daemons), ...(askable ? askHosts("daemon", daemons, []) : [])];
    const webservers = rollAll("webserver", [...codeDone, ...daemonsDone]);
    const webserverGates = askHosts("webserver", webservers, []);
    const lateGates =
      webserverGates.length === 0
        ? []
        : locations.flatMap((service) => {
            const isTouched = code.some((one) => one.service === service);
            const after = [...codeDone, ...webserverGates];
            if (isTouched && askable && isUnknown(service)) return askMoved(rollout, service, after, "newcomer");
            if (askable) return askLocation(service, after, isTouched ? "again" : "by-new-webserver");
            if (!isTouched) return askLocation(service, after, "by-first-webserver");
            return askMoved(rollout, service, after, "by-first-webserver");
          });
    const loadedGates = askLoaded(webservers, webserverGates);
    const lateDaemons = askable ? [] : askHosts("daemon", daemons, webserverGates);
    return [...codeDone, ...daemonsDone, ...webserverGates, ...lateGates, ...loadedGates, ...lateDaemons];
  },
};

/**
 * The daemon; then the webserver, which is asked for both and for the locations as they are; then each location that moves, behind its
 * gate. The old webserver may be stopped: nobody is asked before the new one runs.
 */
const hostsFirst: Order = {
  kinds: ["daemon", "webserver", "code-location"],
  plan: (rollout) => {
    const { locations, askable, rollAll, askLocation, askHosts, askLoaded } = rollout;
    const daemons = rollAll("daemon", []);
    const webservers = rollAll("webserver", stepsOf(daemons));
    const webserverGates = askHosts("webserver", webservers, []);
    const isAsked = askable || webserverGates.length > 0;
    const daemonGates = isAsked ? askHosts("daemon", daemons, webserverGates) : [];
    const loadedGates = askLoaded(webservers, webserverGates);
    const hostsDone = [...stepsOf(daemons), ...stepsOf(webservers), ...webserverGates, ...loadedGates, ...daemonGates];
    const code = rollAll("code-location", hostsDone);
    const codeGates = locations.flatMap((service) => {
      const touched = code.find((one) => one.service === service);
      if (!isAsked || (touched === undefined && webserverGates.length === 0)) return [];
      if (touched === undefined) return askLocation(service, hostsDone, "by-new-webserver");
      return askMoved(rollout, service, [...hostsDone, ...touched.steps], "moved");
    });
    return [...hostsDone, ...stepsOf(code), ...codeGates];
  },
};

/** A location whose code moves: once it is served, what it had must still be there. */
function askMoved(
  { askLocation, askState }: Rollout,
  service: CodeLocation,
  after: readonly string[],
  asked: LocationAsked,
): readonly string[] {
  const served = askLocation(service, after, asked);
  return [...served, ...askState(service.location, service.image, served)];
}

interface Touched {
  readonly service: Service;
  /** Id of the step that rolls it; none when it is there already. */
  readonly steps: readonly string[];
}

function stepsOf(touched: readonly Touched[]): readonly string[] {
  return touched.flatMap(({ steps }) => steps);
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
  const before = observation.before[service.key];
  // The plan stops it, or a release that was cut has: it gets its former count again, whatever scales it.
  const stops = draft.steps.some((step) => step.kind === "stop" && step.service === service.key);
  const tasks = stops ? 0 : observed.desiredCount;
  const former = before?.desiredCount ?? 0;
  const count = countToSet(service, tasks, former, observation.current === null);
  const undo = undoOf(service, before, tasks);
  const known = typeof to === "string" ? draft.target.taskDefinitions[`service/${service.key}`] : undefined;
  if (known === undefined || !sameRevision(known, observed.revision)) {
    const reason = tasks === 0 && former === 0 ? "nothing runs yet" : "its task definition is another one";
    return { observed, to, count, reason, undo };
  }
  if (count !== null) {
    const idle = stops ? "it was stopped for the migration" : "nothing runs yet";
    return { observed, to, count, reason: tasks === 0 ? idle : whyOne(service), undo };
  }
  if (!isSettled(observed)) return { observed, to, count, reason: "a deployment of it is under way", undo };
  draft.untouched.push({ what: `service ${service.key}`, why: whyUntouched(known, draft.target.kept[service.key]) });
  return null;
}

function whyOne({ kind }: Service): string {
  return kind === "daemon"
    ? "two daemons tick every schedule twice"
    : "several servers of one location are one too many";
}

/**
 * The infrastructure's count is left alone, but for a service that runs nothing, and for daemons and code servers, of which there is
 * one. What scales a service takes it down to 0 at night, say, and up again; before the first release there was nothing to measure,
 * and nothing would.
 * @param former its count before it was stopped
 */
function countToSet(service: Service, tasks: number, former: number, isFirst: boolean): number | null {
  if (tasks === 0) {
    if (former > 0) return former;
    if (!isScaled(service)) return service.count;
    const fewest = service.kind === "webserver" ? (service.scaling?.min ?? 0) : 0;
    return isFirst ? Math.max(service.count, fewest) : null;
  }
  return service.kind !== "webserver" && tasks > service.count ? service.count : null;
}

function whyUntouched(revision: Revision, kept: ImagePart | undefined): string {
  const runs = `${showRevision(revision)} is what it runs`;
  if (kept === undefined) return runs;
  return `${runs}, on the image of commit ${kept.source.sha.slice(0, 12)}: neither Dagster, instance files nor its definition have changed since`;
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

/** @returns what is to be waited for instead of `after`: the same, when the stack file says that nobody asks */
function pushGate(
  { gates }: Pick<Stack, "gates">,
  draft: Draft,
  after: readonly string[],
  question: Question,
  reason: string,
  name = "",
): readonly string[] {
  if (gates.levels[question.gate]?.level === "off") return after;
  const id = `gate/${question.gate}/${question.on}${name}`;
  const undo = { kind: "none", why: "a gate changes nothing" } as const;
  return [push(draft, { id, part: "rollout", after, reason, undo, kind: "gate", ...question })];
}
