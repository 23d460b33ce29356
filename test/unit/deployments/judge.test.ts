import fc from "../../properties.ts";
import type { Deployment, ServiceObservation } from "../../../src/deployments/index.ts";
import { type Ending, isGoingBack, type Judgement, judge, verdictOf } from "../../../src/deployments/judge.ts";
import type { ServiceDeploymentObservation } from "../../../src/deployments/observe.ts";
import { type Aim, follow, type Track } from "../../../src/deployments/track.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { digestSchema } from "../../../src/domain/identifiers.ts";
import { isGood, sameRevision } from "../../../src/domain/verdict.ts";
import { usualThreshold } from "../../../src/deployments/service.ts";
import { begun, deployment, former, revision, service, serviceDeployment, start } from "./observations.ts";

const digest = (letter: string) => digestSchema.parse(`sha256:${letter.repeat(64)}`);
const done = (changes: Partial<Deployment> = {}) => deployment({ state: "COMPLETED", runningCount: 1, ...changes });
const minute = 60_000;

function said(status: ServiceDeploymentObservation["status"]): Pick<Track, "serviceDeployment"> {
  return { serviceDeployment: serviceDeployment(status) };
}

interface Case {
  readonly name: string;
  /** As UpdateService answered, when it matters. */
  readonly answered?: ServiceObservation;
  readonly seen: ServiceObservation;
  readonly aim?: Partial<Aim>;
  readonly track?: Partial<Track>;
  readonly judged: Ending | Exclude<Judgement["kind"], "ended">;
}

const arn = { serviceDeploymentArn: serviceDeployment("PENDING").arn };

const cases: readonly Case[] = [
  { name: "complete, count reached, digests seen", seen: service({ primary: done() }), judged: "complete" },
  {
    name: "complete, and nobody has looked at digests",
    seen: service({ primary: done() }),
    track: { digests: null },
    judged: "look-at-digests",
  },
  {
    name: "complete, and the digests that count are not known yet",
    seen: service({ primary: done() }),
    aim: { digests: { app: digest("a") } },
    judged: "look-at-digests",
  },
  {
    name: "complete with another digest",
    seen: service({ primary: done() }),
    aim: { digests: { app: digest("a") } },
    track: { digests: { app: [digest("b")] } },
    judged: "other-digest",
  },
  {
    name: "complete with the digest",
    seen: service({ primary: done() }),
    aim: { digests: { app: digest("a") } },
    track: { digests: { app: [digest("a")] } },
    judged: "complete",
  },
  {
    name: "complete with the digest in one task, and another one in the next",
    seen: service({ primary: done() }),
    aim: { digests: { app: digest("a") } },
    track: { digests: { app: [digest("b"), digest("a")] } },
    judged: "other-digest",
  },
  {
    name: "complete with one digest of two",
    seen: service({ primary: done() }),
    aim: { digests: { app: digest("a"), proxy: digest("c") } },
    track: { digests: { app: [digest("a")], proxy: [digest("d")] } },
    judged: "other-digest",
  },
  {
    name: "complete, and a container of which a digest is asked is not among those that run",
    seen: service({ primary: done() }),
    aim: { digests: { proxy: digest("a") } },
    track: { digests: { app: [digest("a")] } },
    judged: "other-digest",
  },
  {
    name: "complete, a task short",
    seen: service({ primary: done({ runningCount: 0 }) }),
    judged: "moving",
  },
  {
    name: "complete, an old task that is not counted as running is still there",
    seen: service({ primary: done(), others: [former({ runningCount: 0, pendingCount: 1 })] }),
    judged: "moving",
  },
  {
    name: "complete, an old task still runs",
    seen: service({ primary: done(), others: [former()] }),
    judged: "moving",
  },
  {
    name: "complete, an old task runs that is not listed",
    seen: service({ primary: done(), runningCount: 2 }),
    judged: "moving",
  },
  {
    name: "complete, an old task still runs as the service wants it",
    seen: service({
      primary: done(),
      others: [former()],
      rollout: { ...service().rollout, cleansUpLater: true },
    }),
    judged: "complete",
  },
  {
    name: "complete, a failed deployment without tasks is still listed",
    seen: service({ primary: done(), others: [former({ state: "FAILED", runningCount: 0 })] }),
    judged: "complete",
  },
  {
    name: "complete, but of the old revision",
    seen: service({ primary: done({ revision: revision(1) }) }),
    judged: "other-revision",
  },
  {
    name: "complete in deployments[], not yet in the service deployment: alarms may still go off",
    seen: service({ primary: done() }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("IN_PROGRESS") },
    judged: "moving",
  },
  {
    name: "complete, and the service deployment was never read",
    seen: service({ primary: done() }),
    aim: arn,
    judged: "moving",
  },
  {
    name: "complete, and ECS has not known the service deployment for a minute",
    seen: service({ primary: done() }),
    aim: arn,
    track: { changedAt: start - minute },
    judged: "complete",
  },
  {
    name: "complete, and the service deployment may not be read",
    seen: service({ primary: done() }),
    aim: arn,
    track: { serviceDeployment: "refused" },
    judged: "complete",
  },
  {
    name: "failed, a moment ago, with rollback on",
    seen: service({ primary: deployment({ state: "FAILED" }), others: [former()] }),
    judged: "moving",
  },
  {
    name: "failed, a while ago, with rollback on, and nothing followed",
    seen: service({ primary: deployment({ state: "FAILED" }), others: [former()] }),
    track: { failedAt: start - 2 * minute },
    judged: "failed",
  },
  {
    name: "failed, with rollback off",
    seen: service({
      primary: deployment({ state: "FAILED" }),
      others: [former()],
      rollout: { ...service().rollout, breaker: { rollback: false, threshold: usualThreshold } },
    }),
    judged: "failed",
  },
  {
    name: "failed, with nowhere to go",
    seen: service({ primary: deployment({ state: "FAILED" }) }),
    aim: { ...arn, from: null },
    track: { serviceDeployment: serviceDeployment("ROLLBACK_FAILED") },
    judged: "failed",
  },
  {
    name: "the old deployment is PRIMARY again",
    seen: service({ primary: former({ state: "IN_PROGRESS" }), others: [deployment({ state: "FAILED" })] }),
    judged: "moving",
  },
  {
    name: "the old deployment is PRIMARY again, and complete",
    seen: service({ primary: former({ updatedAt: start + minute }) }),
    judged: "rolled-back",
  },
  {
    name: "a new deployment of the old revision is complete, ours had failed",
    seen: service({ primary: former({ id: "ecs-svc/3", updatedAt: start + minute }) }),
    track: { failedAt: start },
    judged: "rolled-back",
  },
  {
    name: "a new deployment of the old revision is complete, the service deployment was rolled back",
    seen: service({ primary: former({ id: "ecs-svc/3", updatedAt: start + minute }) }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("ROLLBACK_SUCCESSFUL") },
    judged: "rolled-back",
  },
  {
    name: "a new deployment of the old revision, and nothing had failed: somebody deployed it",
    seen: service({ primary: former({ id: "ecs-svc/3", updatedAt: start + minute }) }),
    judged: "superseded",
  },
  {
    name: "a new deployment of the old revision, and the service deployment was stopped: somebody deployed it",
    seen: service({ primary: former({ id: "ecs-svc/3", updatedAt: start + minute }) }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("STOPPED"), failedAt: start },
    judged: "superseded",
  },
  {
    name: "another deployment is PRIMARY, and the service deployment does not know yet",
    seen: service({ primary: former({ id: "ecs-svc/3", updatedAt: start + minute }) }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("IN_PROGRESS") },
    judged: "moving",
  },
  {
    name: "another deployment is PRIMARY, and the service deployment has not known for twenty seconds",
    seen: service({ primary: deployment({ id: "ecs-svc/3", revision: revision(3) }) }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("IN_PROGRESS"), replacedAt: start - 20_000 },
    judged: "moving",
  },
  {
    name: "another deployment is PRIMARY, and the service deployment has not known for a minute",
    seen: service({ primary: deployment({ id: "ecs-svc/3", revision: revision(3) }) }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("IN_PROGRESS"), replacedAt: start - minute },
    judged: "superseded",
  },
  {
    name: "a newer revision is PRIMARY",
    seen: service({ primary: deployment({ id: "ecs-svc/3", revision: revision(3) }), others: [deployment()] }),
    judged: "superseded",
  },
  {
    name: "the rollback failed as well",
    seen: service({ primary: former({ id: "ecs-svc/3", state: "FAILED", updatedAt: start + minute }) }),
    aim: arn,
    track: { serviceDeployment: serviceDeployment("ROLLBACK_FAILED") },
    judged: "rollback-failed",
  },
  {
    name: "failed, and alarms that take it back are set, not the breaker",
    seen: service({
      primary: deployment({ state: "FAILED" }),
      others: [former()],
      rollout: { ...service().rollout, breaker: null, alarmsRollBack: true },
    }),
    judged: "moving",
  },
  {
    name: "failed, with nothing that takes it back",
    seen: service({
      primary: deployment({ state: "FAILED" }),
      others: [former()],
      rollout: { ...service().rollout, breaker: null },
    }),
    judged: "failed",
  },
  {
    name: "failed, ECS was asked to go back, and nothing in the service says so",
    seen: service({
      primary: deployment({ state: "FAILED" }),
      others: [former()],
      rollout: { ...service().rollout, breaker: null },
    }),
    aim: arn,
    track: said("ROLLBACK_REQUESTED"),
    judged: "moving",
  },
  {
    name: "failed, with rollback on, and nothing ran before",
    seen: service({ primary: deployment({ state: "FAILED" }) }),
    aim: { from: null },
    judged: "failed",
  },
  {
    name: "failed, with rollback on, and the service deployment was stopped",
    seen: service({ primary: deployment({ state: "FAILED" }), others: [former()] }),
    aim: arn,
    track: said("STOPPED"),
    judged: "failed",
  },
  {
    name: "without a state, as behind a Classic Load Balancer, and its service deployment is done",
    seen: service({ primary: done({ state: null }) }),
    aim: arn,
    track: said("SUCCESSFUL"),
    judged: "complete",
  },
  {
    name: "without a state, its service deployment is done, and a task is missing",
    seen: service({ primary: done({ state: null, runningCount: 0 }) }),
    aim: arn,
    track: said("SUCCESSFUL"),
    judged: "moving",
  },
  {
    name: "without a state, and its service deployment goes on",
    seen: service({ primary: done({ state: null }) }),
    aim: arn,
    track: said("IN_PROGRESS"),
    judged: "moving",
  },
  {
    name: "without a state, and its service deployment was stopped",
    seen: service({ primary: done({ state: null }) }),
    aim: arn,
    track: said("STOPPED"),
    judged: "failed",
  },
  {
    name: "without a state, no service deployment, and ECS has not called the service steady",
    seen: service({ primary: done({ state: null }) }),
    judged: "moving",
  },
  {
    name: "without a state, no service deployment, and ECS calls the service steady",
    seen: service({
      primary: done({ state: null }),
      events: [{ id: "1", at: start + 1, text: untrusted("(service app) has reached a steady state.") }],
    }),
    judged: "complete",
  },
  {
    name: "the old deployment is PRIMARY, and the service deployment is done: an old answer",
    seen: service({ primary: former({ updatedAt: start + minute }) }),
    aim: arn,
    track: said("SUCCESSFUL"),
    judged: "moving",
  },
  {
    name: "the old deployment is PRIMARY, and the service deployment does not know yet",
    seen: service({ primary: former({ updatedAt: start + minute }) }),
    aim: arn,
    track: said("IN_PROGRESS"),
    judged: "moving",
  },
  {
    name: "the rollback failed as well, and the service deployment does not know yet",
    seen: service({ primary: former({ state: "FAILED", updatedAt: start + minute }) }),
    aim: arn,
    track: said("ROLLBACK_IN_PROGRESS"),
    judged: "rollback-failed",
  },
  {
    name: "it was told to go back, and was stopped instead",
    seen: service({ primary: deployment() }),
    aim: { ...arn, deploymentId: null, returning: true, before: ["ecs-svc/2"], to: revision(1) },
    track: said("STOPPED"),
    judged: "rollback-failed",
  },
  {
    name: "it was told to go back, and was done before it could",
    seen: service({ primary: done() }),
    aim: { ...arn, deploymentId: null, returning: true, before: ["ecs-svc/2"], to: revision(1) },
    track: said("SUCCESSFUL"),
    judged: "rollback-failed",
  },
  {
    name: "it goes back, and somebody deploys something else, while the service deployment still goes back",
    seen: service({ primary: deployment({ id: "ecs-svc/4", revision: revision(4) }) }),
    aim: { ...arn, deploymentId: "ecs-svc/3", returning: true, before: ["ecs-svc/2"], to: revision(1) },
    track: said("ROLLBACK_IN_PROGRESS"),
    judged: "superseded",
  },
  { name: "the service is being deleted", seen: service({ status: "DRAINING" }), judged: "service-gone" },
  { name: "somebody scaled it to nothing", seen: service({ desiredCount: 0 }), judged: "scaled-to-zero" },
  {
    name: "it was to run nothing, and runs nothing",
    answered: service({ primary: former(), desiredCount: 0 }),
    seen: service({ primary: former({ runningCount: 0 }), desiredCount: 0 }),
    aim: { toNothing: true },
    track: { liveTasks: 0 },
    judged: "complete",
  },
  {
    name: "it was to run nothing, and runs nothing, but nobody has looked for tasks that still end",
    answered: service({ primary: former(), desiredCount: 0 }),
    seen: service({ primary: former({ runningCount: 0 }), desiredCount: 0 }),
    aim: { toNothing: true },
    judged: "look-at-tasks",
  },
  {
    name: "it was to run nothing, and a task that does not count any more still ends",
    answered: service({ primary: former(), desiredCount: 0 }),
    seen: service({ primary: former({ runningCount: 0 }), desiredCount: 0 }),
    aim: { toNothing: true },
    track: { liveTasks: 1 },
    judged: "moving",
  },
  {
    name: "it was to run nothing, and a task still runs",
    answered: service({ primary: former(), desiredCount: 0 }),
    seen: service({ primary: former(), desiredCount: 0 }),
    aim: { toNothing: true },
    judged: "moving",
  },
  {
    name: "it was to run nothing, and somebody starts it again",
    answered: service({ primary: former(), desiredCount: 0 }),
    seen: service({ primary: former() }),
    aim: { toNothing: true },
    judged: "superseded",
  },
  {
    name: "it was told to go back, and has not begun",
    seen: service({ primary: deployment({ revision: revision(3) }) }),
    aim: { deploymentId: null, returning: true, before: ["ecs-svc/2", "ecs-svc/1"] },
    judged: "moving",
  },
  {
    name: "it was told to go back, and finds no way",
    seen: service({ primary: deployment({ revision: revision(3) }) }),
    aim: { ...arn, deploymentId: null, returning: true, before: ["ecs-svc/2"] },
    track: { serviceDeployment: serviceDeployment("ROLLBACK_FAILED") },
    judged: "rollback-failed",
  },
  {
    name: "it was told to go back, and somebody deploys something else",
    seen: service({ primary: deployment({ id: "ecs-svc/4", revision: revision(4) }) }),
    aim: { deploymentId: null, returning: true, before: ["ecs-svc/2"] },
    judged: "superseded",
  },
];

/** What is known after one look. */
function seenAs({ answered, seen, aim, track }: Omit<Case, "name" | "judged">, now: number): Track {
  return { ...follow(begun(aim, answered), seen, now), digests: {}, ...track };
}

describe("A rollout is judged", () => {
  test.each(cases)("$name: $judged", ({ judged, ...given }) => {
    const now = start;
    const judgement = judge(seenAs(given, now), now);
    expect(judgement.kind === "ended" ? judgement.ending : judgement.kind).toBe(judged);
  });
});

describe("A rollout whose time is over", () => {
  test("was rolled back when ECS was on its way back, and has timed out when it was not", () => {
    expect(verdictOf("time-over", begun(), true)).toBe("rolled-back");
    expect(verdictOf("time-over", begun(), false)).toBe("timed-out");
  });
});

describe("A service that is missing", () => {
  test("is gone when it was missing three times in a row, not before", () => {
    let track = begun();
    const judged = [1, 2, 3].map(() => {
      track = follow(track, null, start);
      return judge(track, start).kind;
    });
    expect(judged).toEqual(["moving", "moving", "ended"]);
  });

  test("is there when it was missing twice", () => {
    const missed = follow(follow(begun(), null, start), null, start);
    expect(judge(follow(missed, service({ others: [former()] }), start), start).kind).toBe("moving");
  });
});

describe("An answer from before the rollout", () => {
  const old = service({ primary: former() });

  test("is not taken for a rollback, although the old deployment is PRIMARY and complete in it", () => {
    expect(judge(follow(begun(), old, start), start)).toEqual({ kind: "moving" });
  });

  const shown = (track: Track, times: number): Track => {
    let last = track;
    for (let look = 1; look <= times; look += 1) last = follow(last, old, start);
    return last;
  };

  test.each<{ name: string; sign: Partial<Track>; judged: string }>([
    { name: "of nothing", sign: {}, judged: "moving" },
    { name: "of a service deployment that goes on", sign: said("IN_PROGRESS"), judged: "moving" },
    { name: "of a service deployment that is done", sign: said("SUCCESSFUL"), judged: "moving" },
    { name: "of a service deployment that was rolled back", sign: said("ROLLBACK_SUCCESSFUL"), judged: "ended" },
    { name: "of our deployment that failed", sign: { failedAt: start }, judged: "ended" },
    { name: "of a rollback that was announced", sign: { returns: new Set(["ecs-svc/1"]) }, judged: "ended" },
  ])("is taken for true after half a minute with a sign of a rollback, and for no longer: $name", (row) => {
    const begunSo = { ...begun(arn), ...row.sign };
    expect(judge(shown(begunSo, 10), start).kind).toBe("moving");
    expect(judge(shown(begunSo, 11), start).kind).toBe(row.judged);
    expect(judge(shown(begunSo, 200), start).kind).toBe(row.judged);
  });
});

describe("An answer with another desired count, and nothing newer", () => {
  const counted = { count: 3, deploymentId: "ecs-svc/1", before: [], to: revision(1) };
  const one = service({ primary: former() });
  const asked = begun(counted, service({ primary: former(), desiredCount: 3 }));
  const shown = (times: number): Track => {
    let last = asked;
    for (let look = 1; look <= times; look += 1) last = { ...follow(last, one, start), digests: {} };
    return last;
  };

  test("is from before our write", () => {
    expect(shown(1).service.desiredCount).toBe(3);
    expect(judge(shown(60), start).kind).toBe("moving");
  });

  test("is never green, however long nothing else comes", () => {
    expect(shown(61).service.desiredCount).toBe(1);
    expect(judge(shown(200), start).kind).toBe("moving");
  });

  test("is somebody's when an event comes with it", () => {
    const event = { id: "1", at: start, text: untrusted("(service app) has stopped 2 running tasks: (task 1).") };
    const seen = follow(asked, { ...one, events: [event] }, start);
    expect(seen.service.desiredCount).toBe(1);
    expect(judge({ ...seen, digests: {} }, start)).toEqual({ kind: "ended", ending: "complete" });
  });

  test("is somebody's after three minutes when the service runs nothing", () => {
    const track = { ...begun({ count: 1 }), stale: 60 };
    const seen = follow(track, service({ primary: deployment(), others: [former()], desiredCount: 0 }), start);
    expect(judge(seen, start)).toEqual({ kind: "ended", ending: "scaled-to-zero" });
  });
});

describe("Never green too early", () => {
  const state = fc.constantFrom<Deployment["state"]>("COMPLETED", "COMPLETED", "IN_PROGRESS", "FAILED");
  const count = fc.constantFrom(0, 1, 1, 2);
  const anyDeployment = fc.record({
    id: fc.constantFrom("ecs-svc/2", "ecs-svc/1", "ecs-svc/3", "ecs-svc/2"),
    number: fc.constantFrom(2, 1, 3, 2),
    state,
    runningCount: count,
    pendingCount: fc.constantFrom(0, 0, 0, 1),
    at: fc.integer({ min: 0, max: 5 }),
  });
  const anyService = fc
    .record({
      status: fc.constantFrom("ACTIVE", "ACTIVE", "ACTIVE", "DRAINING"),
      desiredCount: count,
      extra: fc.constantFrom(0, 0, 1),
      deployments: fc.uniqueArray(anyDeployment, { minLength: 1, maxLength: 3, selector: ({ id }) => id }),
      cleansUpLater: fc.boolean(),
    })
    .map(({ status, desiredCount, extra, deployments, cleansUpLater }) => {
      const [primary, ...others] = deployments.map(({ number, at, ...one }) =>
        deployment({ ...one, revision: revision(number), updatedAt: start + at }),
      );
      const seen = service({ ...(primary === undefined ? {} : { primary }), others, status, desiredCount });
      return {
        ...seen,
        runningCount: seen.runningCount + extra,
        rollout: { ...seen.rollout, cleansUpLater },
      };
    });
  const anyStatus = fc.constantFrom<ServiceDeploymentObservation["status"] | null>(
    null,
    "SUCCESSFUL",
    "SUCCESSFUL",
    "IN_PROGRESS",
    "STOPPED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
  );

  test("whatever ECS shows, in whatever order: green is our deployment, complete, alone, in full number", () => {
    const looks = fc.array(fc.record({ seen: anyService, status: anyStatus }), { minLength: 1, maxLength: 6 });
    let green = 0;
    fc.assert(
      fc.property(looks, fc.boolean(), (shown, isNamed) => {
        let track: Track = begun(isNamed ? arn : {});
        for (const { seen, status } of shown) {
          track = {
            ...follow(track, seen, start),
            serviceDeployment: status === null ? null : serviceDeployment(status),
            digests: {},
          };
          const judgement = judge(track, start);
          if (judgement.kind !== "ended") continue;
          if (!isGood(verdictOf(judgement.ending, track, isGoingBack(track, start)))) return;
          green += 1;
          const { service: last } = track;
          expect(last.status).toBe("ACTIVE");
          // A newer one that brings our revision is followed as ours.
          expect(last.primary).toMatchObject({ id: track.aim.deploymentId, state: "COMPLETED", pendingCount: 0 });
          expect(sameRevision(last.primary?.revision ?? null, revision(2))).toBe(true);
          expect(last.primary?.runningCount).toBe(last.desiredCount);
          expect(last.desiredCount).toBeGreaterThan(0);
          if (!last.rollout.cleansUpLater) expect(last.runningCount).toBe(last.desiredCount);
          // Of a newer one nothing is named here: `deployments[]` must do, as where ECS names none.
          if (isNamed && last.primary?.id === "ecs-svc/2") expect(status).toBe("SUCCESSFUL");
          return;
        }
      }),
      { numRuns: 20_000 },
    );
    expect(green).toBeGreaterThan(50);
  });
});
