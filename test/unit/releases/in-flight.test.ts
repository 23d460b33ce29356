import { foreignDeployments } from "../../../src/releases/in-flight.ts";
import type { Step } from "../../../src/domain/plan.ts";
import { deployment, revision, service } from "../deployments/observations.ts";

type Arguments = Parameters<typeof foreignDeployments>;

const roll: Step = {
  id: "roll/code",
  part: "rollout",
  after: [],
  reason: "",
  undo: { kind: "none", why: "" },
  kind: "roll",
  service: "code",
  from: revision(2),
  to: "app:3",
  count: null,
};

const undo = { kind: "none", why: "" } as const;

const release = (number: number): Arguments[0]["target"] =>
  ({ taskDefinitions: { "service/code": revision(number) } }) as unknown as Arguments[0]["target"];

const found = (
  plan: Partial<Arguments[0]>,
  {
    code = service(),
    current = release(1),
  }: { code?: ReturnType<typeof service>; current?: Arguments[1]["current"] } = {},
) =>
  foreignDeployments({ steps: [roll], moved: [], target: release(3), ...plan }, { services: { code }, current }).map(
    ({ name }) => name,
  );

describe("A deployment under way is somebody else's", () => {
  test("when it brings what is neither released nor to be released", () => {
    expect(found({})).toEqual(["code"]);
  });

  test("also before the first release", () => {
    expect(found({}, { current: null })).toEqual(["code"]);
  });

  test.each<[string, Parameters<typeof found>]>([
    ["it brings what this release brings", [{ target: release(2) }]],
    ["ECS goes back to what is released", [{}, { current: release(2) }]],
    ["a release that was cut has begun it", [{ moved: [{ service: "code", undo }] }]],
    ["nothing moves its service", [{ steps: [] }]],
    ["it is complete", [{}, { code: service({ primary: deployment({ state: "COMPLETED" }) }) }]],
    ["it has failed", [{}, { code: service({ primary: deployment({ state: "FAILED" }) }) }]],
    ["its service is to run nothing", [{}, { code: service({ desiredCount: 0 }) }]],
  ])("but not when %s", (_, given) => {
    expect(found(...given)).toEqual([]);
  });
});
