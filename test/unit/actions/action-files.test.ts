import { readFileSync } from "node:fs";
import type * as z from "zod";
import { actionPages } from "../../../scripts/generate/action-tables.ts";
import { readAction } from "../../runner/run-step.ts";

const modules: Readonly<Record<string, () => Promise<{ readonly inputs: z.ZodObject }>>> = {
  ".": () => import("../../../src/actions/root.ts"),
  "actions/build-push-image": () => import("../../../src/actions/build-push-image.ts"),
  "actions/run-migrations": () => import("../../../src/actions/run-migrations.ts"),
  "actions/register-task-def": () => import("../../../src/actions/register-task-def.ts"),
  "actions/deploy-service": () => import("../../../src/actions/deploy-service.ts"),
  "actions/sync-dags": () => import("../../../src/actions/sync-dags.ts"),
};

test("every action has a page, and every page an action", () => {
  expect(Object.keys(actionPages).sort()).toEqual(Object.keys(modules).sort());
});

describe.each(Object.entries(modules))("%s/action.yml", (folder, load) => {
  test("has the inputs that its code reads, and no other", async () => {
    const [{ inputs }, action] = await Promise.all([load(), readAction(folder)]);
    expect(Object.keys(action.inputs).sort()).toEqual(Object.keys(inputs.shape).sort());
  });

  test("describes every input and output in a sentence", async () => {
    const { inputs, outputs } = await readAction(folder);
    for (const { description } of [...Object.values(inputs), ...Object.values(outputs)])
      expect(description).toMatch(/^\S.{10,}\.$/s);
  });

  test("has a default for every input that its code takes, and none for those without which it refuses", async () => {
    const [{ inputs }, action] = await Promise.all([load(), readAction(folder)]);
    const entries = Object.entries(action.inputs);
    const needed = entries.flatMap(([name, { required }]) => (required === true ? [name] : []));
    for (const [name, input] of entries)
      expect(typeof input.default).toBe(needed.includes(name) ? "undefined" : "string");
    const result = inputs.safeParse(Object.fromEntries(entries.map(([name, input]) => [name, input.default ?? ""])));
    expect([...new Set(result.error?.issues.map(({ path: [name] }) => name))]).toEqual(needed);
  });

  test("starts a bundle that is there", async () => {
    const { runs } = await readAction(folder);
    const [, name] = /dist\/([a-z-]+)\/index\.js$/.exec(runs.main) ?? [];
    expect(readFileSync(`dist/${name}/index.js`, "utf8")).toContain(`start("${name}")`);
  });
});
