import type { Finding } from "../domain/finding.ts";
import type { Step } from "../domain/plan.ts";
import type { Daemon, RunProcess, Service, Stack, Webserver } from "../stack/stack.ts";
import { type Observation, successorOf } from "./observation.ts";

// What follows when webserver and daemon load code themselves: they move with it, share it, and may hold its runs.

/** Webserver and daemon, as far as they load locations without a code server. */
export function loadingHosts({ services }: Pick<Stack, "services">): readonly (Webserver | Daemon)[] {
  return Object.values(services).flatMap((service) =>
    service.kind !== "code-location" && service.locations.length > 0 ? [service] : [],
  );
}

/** Locations that a service serves or loads. */
export function locationsServedBy(service: Service): readonly string[] {
  return service.kind === "code-location" ? [service.location] : service.locations;
}

/**
 * What runs of a location are started from; null when they are no tasks. A host has one environment, and in it one container
 * context for all that it loads: those locations share the definition of the first of them.
 */
export function runOf(stack: Pick<Stack, "services" | "runs">, location: string): RunProcess | null {
  if (stack.runs.kind !== "ecs") return null;
  const hosts = loadingHosts(stack);
  const isLoaded = hosts.some(({ locations }) => locations.includes(location));
  // The daemon starts queued runs: should the two differ, which is an error, its list counts.
  const first = (hosts.find(({ kind }) => kind === "daemon") ?? hosts[0])?.locations[0];
  return stack.runs.definitions[isLoaded && first !== undefined ? first : location] ?? null;
}

/** The definitions that runs are started from, each once. */
export function usedRuns(stack: Pick<Stack, "services" | "runs">): readonly RunProcess[] {
  if (stack.runs.kind !== "ecs") return [];
  const used = Object.keys(stack.runs.definitions).map((location) => runOf(stack, location));
  return [...new Set(used)].filter((run) => run !== null);
}

/** Do runs live in this process, so that they end with it? */
export function holdsRuns({ runs }: Pick<Stack, "runs">, service: Service): boolean {
  return runs.kind === "in-process" && (service.kind === "code-location" || service.locations.length > 0);
}

/** ECS names of the services in whose processes runs of a location live; none: each run is a task of its own. */
export function holdersOf(stack: Pick<Stack, "services" | "runs">, location: string): readonly string[] {
  return Object.values(stack.services).flatMap((service) =>
    holdsRuns(stack, service) && locationsServedBy(service).includes(location) ? [service.service] : [],
  );
}

/** What cannot go well, or is left out, because hosts load code or hold runs. */
export function checkHosts(stack: Stack): readonly Finding[] {
  return [...differingHosts(stack), ...canaryInProcess(stack)];
}

/** Runs that a plan would end without having waited for them: nobody can be asked for them. */
export function checkRunsAwaited(stack: Stack, observation: Observation, steps: readonly Step[]): readonly Finding[] {
  if (stack.runs.kind !== "in-process" || steps.some(({ kind }) => kind === "drain")) return [];
  if (areHostsStopped(stack, observation)) return [];
  const ended = steps.flatMap((step) => endedBy(step, stack, observation));
  return runsNotAwaited(stack, ended, "deploy");
}

/** @param ended keys of services whose processes end; @param then what is done once the webserver runs */
export function runsNotAwaited(
  { runs }: Stack,
  ended: readonly string[],
  then: "deploy" | "restart",
): readonly Finding[] {
  if (runs.kind !== "in-process" || ended.length === 0) return [];
  return [
    {
      id: "runs-not-awaited",
      level: "warning",
      where: runs.place,
      what: `No webserver runs that could tell of runs in ${ended.join(" and ")}: those that live there are ended.`,
      fix: `When runs may be under way, start the webserver first, and ${then} then.`,
    },
  ];
}

/** Has an unfinished release stopped all that starts runs, for a migration? It has waited for those there were before. */
function areHostsStopped({ services: known }: Stack, { services, before }: Observation): boolean {
  const ran = Object.values(known).filter(({ kind, key }) => {
    return kind !== "code-location" && (before[key]?.desiredCount ?? 0) > 0;
  });
  return (
    ran.some(({ kind }) => kind === "webserver") && ran.every(({ key }) => (services[key]?.desiredCount ?? 0) === 0)
  );
}

/** Does a process run now that may hold runs? */
export function isRunningHolder(stack: Stack, { services }: Pick<Observation, "services">, key: string): boolean {
  const service = stack.services[key];
  const observed = services[key] ?? null;
  if (service === undefined || observed === null || !holdsRuns(stack, service)) return false;
  return observed.runningCount + observed.pendingCount > 0;
}

/** What holds runs and ends with this step; what is replaced is taken for a process of the same kind. */
function endedBy(step: Step, stack: Stack, observation: Observation): readonly string[] {
  if (step.kind !== "roll" && step.kind !== "stop") return [];
  const successor = stack.services[successorOf(step.service) ?? ""];
  if (successor !== undefined) return holdsRuns(stack, successor) && step.kind === "stop" ? [step.name] : [];
  return isRunningHolder(stack, observation, step.service) ? [step.service] : [];
}

/** Webserver and daemon are started with one workspace: a location that only one of them names moves only one of them. */
function differingHosts(stack: Stack): readonly Finding[] {
  const [first] = loadingHosts(stack);
  if (first === undefined) return [];
  const wanted = sorted(first.locations);
  return Object.values(stack.services).flatMap((service): readonly Finding[] => {
    if (service.kind === "code-location" || sorted(service.locations) === wanted) return [];
    return [
      {
        id: "host-locations-differ",
        level: "error",
        where: service.place,
        what: `${service.key} loads ${sorted(service.locations) || "no location"} itself, and ${first.key} ${wanted}. Both have one workspace, so each would serve, or tick, code of another release than the other.`,
        fix: "Name the same `locations` for webserver and daemon.",
      },
    ];
  });
}

function sorted(locations: readonly string[]): string {
  return [...locations].sort().join(", ");
}

function canaryInProcess({ runs, gates }: Stack): readonly Finding[] {
  if (runs.kind !== "in-process" || gates.canary === null) return [];
  return [
    {
      id: "canary-in-process",
      level: "notice",
      where: gates.canary.place,
      what: `With \`launcher: in-process\` the canary's run is no task of ECS. What ECS proves is that every process in which it can have lived ran the image, before and after; not in which of them it was${gates.canary.logs ? ", nor which of their lines are its own: `logs` is not looked at" : ""}.`,
      fix: "Nothing to do; with runs as tasks of their own (`launcher: ecs`) the proof is whole.",
    },
  ];
}
