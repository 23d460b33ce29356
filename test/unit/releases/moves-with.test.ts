import { inOrder, type Plan } from "../../../src/domain/plan.ts";
import { imagesOf } from "../../../src/domain/release.ts";
import { planRelease, planRollback } from "../../../src/releases/plan.ts";
import type { Stack } from "../../../src/stack/index.ts";
import { begin, carriedOut, dealFlow, digestOf, shaOf, untouchedWorld, type World, withContents } from "./world.ts";

/** One image for everything, as most stacks have it. */
const oneImage = (change: (text: string) => string = (text) => text): Stack =>
  dealFlow((text) =>
    change(
      text
        .replaceAll(/(kind: (daemon|webserver)), image: host/g, "$1, image: code")
        .replace(
          "        - { from: alembic.ini, to: /app/alembic.ini }",
          "        - { from: alembic.ini, to: /app/alembic.ini }\n        - { from: docker/workspace.yaml, to: /opt/dagster/workspace.yaml }",
        ),
    ),
  );
const stack = oneImage();
const planFor = (world: World, sha: string, of: Stack = stack): Plan =>
  planRelease(of, world.observation, begin(world, shaOf(sha)));
const released = (world: World, sha: string, of: Stack = stack): World =>
  carriedOut(of, world, planFor(world, sha, of));
const rollsOf = (plan: Plan): readonly string[] =>
  inOrder(plan.steps).flatMap((step) => (step.kind === "roll" ? [step.service] : []));

const start = "code 1, instance 1, dagster 1.13.5";
const first = released(withContents(untouchedWorld(stack), { code: start }), "a");

describe("hosts that move with Dagster, on the image of the code", () => {
  test.each([
    ["only code changed", "code 2, instance 1, dagster 1.13.5", ["code"]],
    ["dagster.yaml or the workspace changed", "code 2, instance 2, dagster 1.13.5", ["code", "daemon", "webserver"]],
    // Without a list of packages the lock file says no more than its version of dagster: here, that it is not known.
    ["nothing changed", start, []],
  ])("when %s", (_, code, rolled) => {
    expect(rollsOf(planFor(withContents(first, { code }), "b"))).toEqual(rolled);
  });

  test.each([
    [
      "their size changed",
      (text: string) => text.replace(/(kind: daemon.*)cpu: 512/, "$1cpu: 1024"),
      ["code", "daemon"],
    ],
    [
      "they move with their image",
      (text: string) => text.replaceAll(/kind: (daemon|webserver),/g, "kind: $1, moves-with: image,"),
      ["code", "daemon", "webserver"],
    ],
  ])("when %s", (_, change, rolled) => {
    const changed = oneImage(change);
    expect(rollsOf(planFor(withContents(first, { code: "code 2, instance 1, dagster 1.13.5" }), "b", changed))).toEqual(
      rolled,
    );
  });

  const second = released(withContents(first, { code: "code 2, instance 1, dagster 1.13.5" }), "b");

  test("the release pins the new image, and the one that each of them keeps", () => {
    const { current } = second.observation;
    expect(current?.images["code"]?.digest).toBe(digestOf("code 2, instance 1, dagster 1.13.5"));
    expect(Object.entries(current?.kept ?? {}).map(([key, { digest }]) => [key, digest])).toEqual([
      ["daemon", digestOf(start)],
      ["webserver", digestOf(start)],
    ]);
  });

  test("the plan says why they stay", () => {
    const { untouched } = planFor(withContents(first, { code: "code 2, instance 1, dagster 1.13.5" }), "b");
    expect(untouched.find(({ what }) => what === "service daemon")?.why).toMatch(
      /^dealflow-dagster_daemon:1 is what it runs, on the image of commit a{12}: neither Dagster/,
    );
  });

  test("they stay over many releases, and move to the newest image when they move", () => {
    const third = released(withContents(second, { code: "code 3, instance 1, dagster 1.13.5" }), "c");
    expect(third.observation.current?.kept["daemon"]?.digest).toBe(digestOf(start));
    const plan = planFor(withContents(third, { code: "code 4, instance 2, dagster 1.13.5" }), "d");
    expect(rollsOf(plan)).toEqual(["code", "daemon", "webserver"]);
    expect(plan.target.kept).toEqual({});
  });

  test("what an earlier step of the release took for kept is decided anew: they move", () => {
    const world = withContents(second, { code: "code 3, instance 2, dagster 1.13.5" });
    const begun = { ...begin(world, shaOf("c")), kept: second.observation.current?.kept ?? {} };
    expect(Object.keys(begun.kept)).toEqual(["daemon", "webserver"]);
    expect(planRelease(stack, world.observation, begun).target.kept).toEqual({});
  });

  test("a commit that brings their own image back leaves nothing to keep", () => {
    const third = released(withContents(second, { code: start }), "c");
    expect(third.observation.current?.kept).toEqual({});
    expect(rollsOf(planFor(withContents(second, { code: start }), "c"))).toEqual(["code"]);
  });

  test("what somebody has put there by hand is not kept", () => {
    const daemon = second.observation.services["daemon"];
    if (daemon === null || daemon === undefined) throw new Error("there is no daemon");
    const services = {
      ...second.observation.services,
      daemon: { ...daemon, revision: { family: "somebody", revision: 9 } },
    };
    const world = { ...second, observation: { ...second.observation, services } };
    expect(rollsOf(planFor(withContents(world, { code: "code 3, instance 1, dagster 1.13.5" }), "c"))).toEqual([
      "code",
      "daemon",
    ]);
  });

  describe("a rollback to that release", () => {
    const third = released(withContents(second, { code: "code 3, instance 3, dagster 1.13.5" }), "c");
    const to = second.observation.current;
    if (to === null) throw new Error("nothing was released");
    const wanted = Object.fromEntries(
      Object.entries(second.observation.definitions).map(([key, { running }]) => [key, running]),
    );
    const there = Object.fromEntries(Object.keys(imagesOf(to)).map((key) => [key, true]));
    const plan = (images: Readonly<Record<string, boolean>>): Plan =>
      planRollback(stack, third.observation, begin(third, shaOf("b")), to, wanted, images, {});

    test("brings back what each of them had kept", () => {
      expect(plan(there).target.kept).toEqual(to.kept);
      expect(rollsOf(plan(there))).toEqual(["code", "daemon", "webserver"]);
      expect(plan(there).findings.map(({ id }) => id)).not.toContain("rollback-image-gone");
    });

    test("is refused when an image that one of them kept is gone", () => {
      expect(plan({ ...there, "service/daemon": false }).findings).toContainEqual(
        expect.objectContaining({
          id: "rollback-image-gone",
          what: expect.stringContaining(digestOf(start)) as unknown,
        }),
      );
    });
  });
});
