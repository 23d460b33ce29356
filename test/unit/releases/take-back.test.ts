import { formerDeployment } from "../../../src/releases/take-back.ts";
import type { Undo } from "../../../src/domain/plan.ts";
import { deployment, former, revision, service } from "../deployments/observations.ts";

const undo = (to: number | null): Undo => ({
  kind: "roll",
  service: "app",
  to: to === null ? null : revision(to),
  count: 1,
});

test.each<[string, ReturnType<typeof service> | null, Undo, string | undefined]>([
  ["what ran before this release", service({ primary: former() }), undo(1), "ecs-svc/1"],
  ["what a release that was cut had begun is none", service({ primary: deployment() }), undo(1), undefined],
  ["of a first release there is none", service({ primary: former() }), undo(null), undefined],
  ["of a service that nobody saw there is none", null, undo(1), undefined],
  ["of what does not go back there is none", service({ primary: former() }), { kind: "none", why: "" }, undefined],
])("the deployment that a service goes back to: %s", (_what, seen, how, expected) => {
  expect(formerDeployment({ services: { app: seen } }, "app", how)).toBe(expected);
});
