import { readFileSync } from "node:fs";
import { runStep, type StepResult } from "../../runner/run-step.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, stackFile, writesOf } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
beforeAll(async () => {
  small = await startSmallStack();
  checkout = await checkOut(small);
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

/** The lock file of the fixtures, cut to what alembic needs. */
const lock = readFileSync(new URL("../../fixtures/python/dagster.txt", import.meta.url), "utf8")
  .split(/^(?=[\w-]+==)/m)
  .filter((block) => /^(alembic|mako|markupsafe|sqlalchemy|typing-extensions|tomli|greenlet)==/.test(block))
  .join("");

/** A pull request: what it says of plans, and the revision that it brings. */
const files = {
  "dagster-stack.yml": stackFile((text) =>
    `${text}migrations: [{ name: application, tool: alembic, image: app, preview: sql }]\n`.replace(
      "      files: [{",
      "      requirements: requirements.lock\n      files: [{ from: db, to: /app }, {",
    ),
  ),
  "requirements.lock": lock,
  "db/alembic.ini": "[alembic]\nscript_location = alembic\n",
  "db/alembic/versions/0001.py": `import os, sys
from alembic import op
revision = "0001"
down_revision = None
def upgrade():
    print("::error::I was run", " ".join(os.environ))
    op.execute("SELECT 1")
`,
};

async function planOn(name: string): Promise<StepResult & { readonly written: readonly unknown[] }> {
  for (const [path, text] of Object.entries(files)) await checkout.write(path, text);
  checkout.commit("A revision");
  const since = small.bed.calls.length;
  const job = { ...checkout.job(), event: { name, payload: {} } };
  const result = await runStep(job, { action: ".", with: { command: "plan" } });
  return { ...result, written: writesOf(small, since) };
}

test("a plan of a pull request shows its SQL, writes nothing, and gives its revisions neither the job's variables nor commands of the runner", async () => {
  const { exitCode, summary, log, annotations, written } = await planOn("pull_request");
  expect({ exitCode, written }).toEqual({ exitCode: 0, written: [] });
  expect(summary).toContain("```sql\nSELECT 1;\n```");
  const said = log.filter((line) => line.includes("I was run"));
  expect(said).toHaveLength(1);
  expect(said.join()).not.toMatch(/AWS_|GITHUB_|ACTIONS_|INPUT_/);
  expect(annotations.filter(({ level }) => level === "error")).toEqual([]);
});

test("a plan with the rights of another branch runs nothing of the checkout, and says why", async () => {
  const { exitCode, summary, log } = await planOn("pull_request_target");
  expect(exitCode).toBe(0);
  expect(summary.replaceAll("\\", "")).toContain(
    "Code of the checkout is not run on pull_request_target: it may be of somebody",
  );
  expect(log.join("\n")).not.toMatch(/I was run|pip/);
});
