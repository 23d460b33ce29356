import type { ContainerDefinition, HealthCheck } from "@aws-sdk/client-ecs";
import type { BedClock } from "../clock.ts";
import type { RuntimeObserver, TargetAnswer } from "../runtime.ts";
import type { Program, RunningBehaviour } from "./behaviour.ts";

/** One container that follows its script. */
export interface PlayedContainer {
  /** SIGTERM now, SIGKILL after the stop timeout. One that does not run yet never will. */
  stop(): void;
  /** What a load balancer's health check sees. */
  check(): TargetAnswer;
  /** Forgets everything that was still to come. */
  end(): void;
}

export interface Stage {
  readonly clock: BedClock;
  readonly definition: ContainerDefinition;
  readonly behaviour: RunningBehaviour;
  readonly observer: RuntimeObserver;
  readonly write: (text: string) => void;
}

export function playContainer({ clock, definition, behaviour, observer, write }: Stage): PlayedContainer {
  const { name = "", healthCheck, stopTimeout = 30 } = definition;
  const { startsAfterSeconds = 10, healthyAfterSeconds = 5, stopsAfterSeconds = 1, stopExitCode = 0 } = behaviour;
  const cues = new Set<() => void>();
  let startedAt: number | null = null;
  let program: ReturnType<Program> | null = null;

  const cue = (seconds: number, act: () => void) => {
    const takeBack = clock.after(seconds * 1000, () => {
      cues.delete(takeBack);
      act();
    });
    cues.add(takeBack);
  };
  const end = () => {
    for (const takeBack of cues) takeBack();
    cues.clear();
  };
  const exit = (code: number, reason?: string) => {
    end();
    startedAt = null;
    program = null;
    observer.exited(name, code, reason);
  };
  const tell = (changes: Iterator<HealthChange>, at: number) => {
    const next = changes.next();
    if (next.done === true) return;
    cue(next.value.at - at, () => {
      observer.health(name, next.value.status);
      tell(changes, next.value.at);
    });
  };

  cue(startsAfterSeconds, () => {
    startedAt = clock.now();
    observer.started(name);
    for (const { afterSeconds = 0, text } of behaviour.log ?? []) cue(afterSeconds, () => write(text));
    if (healthCheck !== undefined) tell(healthChanges(behaviour, healthyAfterSeconds, healthCheck), 0);
    if (behaviour.kind === "runs")
      program = behaviour.program({ write, exited: (code) => program !== null && exit(code) });
    if (behaviour.kind === "exits") cue(behaviour.afterSeconds, () => exit(behaviour.code, behaviour.reason));
  });

  return {
    stop: () => {
      end();
      if (startedAt === null) return;
      if (program !== null) {
        program.signal("SIGTERM");
        return cue(stopTimeout, () => program?.signal("SIGKILL"));
      }
      const killed = stopsAfterSeconds > stopTimeout;
      cue(killed ? stopTimeout : stopsAfterSeconds, () => exit(killed ? 137 : stopExitCode));
    },
    check: () => {
      if (startedAt === null) return { healthy: false, reason: "Request timed out" };
      if (isHealthy(behaviour, healthyAfterSeconds, (clock.now() - startedAt) / 1000)) return { healthy: true };
      const reason = behaviour.kind === "unhealthy" ? behaviour.targetReason : undefined;
      return { healthy: false, reason: reason ?? "Health checks failed with these codes: [500]" };
    },
    end: () => {
      end();
      program?.signal("SIGKILL");
      program = null;
    },
  };
}

/** @param seconds since the container's start */
function isHealthy(behaviour: RunningBehaviour, healthyAfterSeconds: number, seconds: number): boolean {
  const healthyFor = seconds - healthyAfterSeconds;
  switch (behaviour.kind) {
    case "healthy":
    case "exits":
    case "runs":
      return healthyFor >= 0;
    case "unhealthy":
      return behaviour.healthySeconds !== undefined && healthyFor >= 0 && healthyFor < behaviour.healthySeconds;
    case "flapping":
      return healthyFor >= 0 && Math.floor(healthyFor / behaviour.everySeconds) % 2 === 0;
  }
}

interface HealthChange {
  /** Seconds since the container's start. */
  readonly at: number;
  readonly status: "HEALTHY" | "UNHEALTHY";
}

/** When the container's own health check changes its mind. */
function* healthChanges(
  behaviour: RunningBehaviour,
  healthyAfterSeconds: number,
  { startPeriod = 0, interval = 30, retries = 3 }: HealthCheck,
): Generator<HealthChange> {
  if (behaviour.kind === "unhealthy" && behaviour.healthySeconds === undefined) {
    yield { at: startPeriod + interval * retries, status: "UNHEALTHY" };
    return;
  }
  yield { at: healthyAfterSeconds, status: "HEALTHY" };
  if (behaviour.kind === "unhealthy" && behaviour.healthySeconds !== undefined) {
    yield { at: healthyAfterSeconds + behaviour.healthySeconds, status: "UNHEALTHY" };
  }
  if (behaviour.kind !== "flapping") return;
  for (let turn = 1; ; turn += 1) {
    const status = turn % 2 === 0 ? "HEALTHY" : "UNHEALTHY";
    yield { at: healthyAfterSeconds + turn * behaviour.everySeconds, status };
  }
}
