import { type Lock, parseLock } from "../../../src/images/lock.ts";
import type { ImagePlan } from "../../../src/images/plan.ts";
import { hostLabels } from "../../../src/releases/host-labels.ts";
import { dealFlow, untouchedWorld } from "./world.ts";

const stack = dealFlow();
const { daemon, code } = stack.services;
if (daemon === undefined || code === undefined) throw new Error("the example has another shape now");
const image = untouchedWorld(stack).observation.images["host"];
const made = image?.made ?? null;
if (image === undefined || made === null) throw new Error("the example has no host image");

const hash = `--hash=sha256:${"0".repeat(64)}`;
const lockOf = (...packages: readonly string[]): Lock =>
  parseLock(packages.map((one) => `${one} ${hash}\n`).join(""), "requirements.lock");
const labels = (change: Partial<NonNullable<ImagePlan["made"]>>) =>
  hostLabels(stack, daemon, { ...image, made: { ...made, ...change } });
const inputs = (change: Partial<typeof made.of>) => labels({ of: { ...made.of, ...change } });

describe("what a host takes of its image", () => {
  const before = labels({ lock: lockOf("dagster==1.13.5", "dagster-aws==0.29.5", "pandas==2.0.0") });

  test.each([
    ["a package of the code", lockOf("dagster==1.13.5", "dagster-aws==0.29.5", "pandas==3.0.0")],
    ["the order of the lock file", lockOf("pandas==2.0.0", "dagster_aws==0.29.5", "dagster==1.13.5")],
  ])("is not %s", (_, lock) => expect(labels({ lock })).toEqual(before));

  test.each([
    ["Dagster's version", lockOf("dagster==1.13.6", "dagster-aws==0.29.5")],
    ["the version of one of its libraries", lockOf("dagster==1.13.5", "dagster-aws==0.29.6")],
  ])("is %s", (_, lock) => expect(labels({ lock })).not.toEqual(before));

  test("is the base, Python, the working folder, dagster.yaml and the workspace, and no other file", () => {
    const { files, base } = made.of;
    const same = inputs({});
    expect(inputs({ files: { ...files, "app/main.py": "0644 1" } })).toEqual(same);
    const others = [
      inputs({ base: base.replace(/.$/, "x") as typeof base }),
      inputs({ python: "3.13" }),
      inputs({ workdir: "/elsewhere" }),
      inputs({ files: { ...files, "opt/dagster/dagster.yaml": "0644 1" } }),
      inputs({ files: { ...files, "opt/dagster/workspace.yaml": "0644 1" } }),
    ];
    for (const other of others) expect(other).not.toEqual(same);
  });

  test("is the whole lock file when a package of Dagster has an address instead of a version, which is not shown", () => {
    const url = "dagster @ https://user:${PASSWORD}@example.com/dagster.whl";
    const one = labels({ lock: lockOf(url) });
    expect(one["dagster-ecs.dagster"]).toBe(`lock ${made.of.requirements ?? ""}`);
  });

  test("is the whole image when an instance file cannot be found in it", () => {
    const found = inputs({ files: {} });
    expect(found["dagster-ecs.workspace"]).toBe(`image ${image.contentKey}`);
  });

  test("is the whole image when it was made elsewhere", () => {
    expect(hostLabels(stack, daemon, { ...image, made: null })).toEqual({ "dagster-ecs.image": image.contentKey });
  });

  test("is not asked of those that move with their image", () => expect(hostLabels(stack, code, image)).toEqual({}));
});
