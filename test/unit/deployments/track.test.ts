import { judge } from "../../../src/deployments/judge.ts";
import { follow, newEvents, type Track } from "../../../src/deployments/track.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { begun, deployment, former, revision, service, start } from "./observations.ts";

const event = (id: string, second: number, text: string) => ({ id, at: start + second * 1000, text: untrusted(text) });
const after = (seconds: number): number => start + seconds * 1000;

describe("What is known after one more answer", () => {
  test("an old answer shows that the service is there", () => {
    const old = service({ primary: former() });
    let track = follow(follow(begun(), null, start), null, start);
    track = follow(follow(track, old, start), null, start);
    expect(judge(track, start).kind).toBe("moving");
  });

  test("that ours has failed, by an event that names it", () => {
    const saying = (id: string): Track =>
      follow(
        begun(),
        service({ events: [event("1", 1, `(service app) (deployment ${id}) deployment failed: x.`)] }),
        start,
      );
    expect(saying("ecs-svc/2").failedAt).toBe(start);
    expect(saying("ecs-svc/1").failedAt).toBeNull();
  });

  test("since when it has failed: the first time that it was seen", () => {
    const failed = service({ primary: deployment({ state: "FAILED" }) });
    const track = follow(follow(begun(), failed, after(3)), failed, after(90));
    expect(track.failedAt).toBe(after(3));
    expect(follow(track, service(), after(93)).failedAt).toBe(after(3));
  });

  test("where ECS goes back to, by an event or by the reason of what is PRIMARY", () => {
    const announced = event("1", 1, "(service app) rolling back to deployment ecs-svc/7.");
    const back = deployment({
      id: "ecs-svc/8",
      reason: untrusted("circuit breaker: rolling back to deploymentId ecs-svc/8."),
    });
    expect([...follow(begun(), service({ events: [announced] }), start).returns]).toEqual(["ecs-svc/7"]);
    expect([...follow(begun(), service({ primary: back, events: [announced] }), start).returns]).toEqual([
      "ecs-svc/7",
      "ecs-svc/8",
    ]);
  });

  test("a rollback that only an event has announced is one", () => {
    const announced = event("1", 1, "(service app) rolling back to deployment ecs-svc/3.");
    const seen = service({
      primary: former({ id: "ecs-svc/3", updatedAt: after(60), createdAt: after(50) }),
      events: [announced],
    });
    expect(judge(follow(begun(), seen, after(60)), after(60))).toEqual({ kind: "ended", ending: "rolled-back" });
  });

  test("since when something else is PRIMARY: the first time in a row", () => {
    const other = service({ primary: deployment({ id: "ecs-svc/3", revision: revision(3) }) });
    const track = follow(follow(begun(), other, after(3)), other, after(6));
    expect(track.replacedAt).toBe(after(3));
    expect(follow(track, service(), after(9)).replacedAt).toBeNull();
  });

  test("an answer without the newest event is an old one", () => {
    const newest = service({ events: [event("2", 20, "b"), event("1", 10, "a")] });
    const track = follow(begun(), newest, after(21));
    const old = follow(track, service({ events: [event("1", 10, "a")], desiredCount: 4 }), after(24));
    expect(old.service.desiredCount).toBe(1);
    expect(old.stale).toBe(1);
  });

  test("ours has no tasks once it has left the list", () => {
    const running = follow(begun(), service({ primary: deployment({ runningCount: 1, pendingCount: 1 }) }), start);
    const gone = follow(running, service({ primary: former({ updatedAt: after(60) }) }), after(60));
    expect(gone.mine).toMatchObject({ id: "ecs-svc/2", runningCount: 0, pendingCount: 0 });
  });

  test("events come in the order in which they happened, each once", () => {
    const one = follow(begun(), service({ events: [event("2", 2, "b"), event("1", 1, "a")] }), start);
    const two = follow(one, service({ events: [event("3", 3, "c"), event("2", 2, "b"), event("1", 1, "a")] }), start);
    expect(one.events.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(newEvents(one, two).map(({ id }) => id)).toEqual(["3"]);
  });
});
