import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whyNotRun, workflowRun } from "../../../src/github/run.ts";

test.each(["push", "pull_request", "merge_group", "workflow_dispatch", "schedule", "release"])(
  "on %s whoever wrote the checkout could have written the workflow: its files may be run",
  (event) => expect(whyNotRun({ event, actor: "mona" })).toBeNull(),
);

test.each(["pull_request_target", "workflow_run", "issue_comment", "an event of tomorrow"])(
  "on %s the checkout may be anybody's, with the rights of the default branch: its files are not run, and that is said",
  (event) =>
    expect(whyNotRun({ event, actor: null })).toBe(
      `Code of the checkout is not run on ${event}: it may be of somebody who may not do what this job may.`,
    ),
);

test.each(["pull_request", "push"])(
  "on %s by Dependabot files of the checkout are not run: nobody has read them",
  (event) =>
    expect(whyNotRun({ event, actor: "dependabot[bot]" })).toBe(
      "Code of the checkout is not run for Dependabot: what it brings nobody has read yet.",
    ),
);

test("the runner tells whose deed a run is", () => {
  const folder = mkdtempSync(join(tmpdir(), "run-"));
  try {
    const said = {
      GITHUB_REPOSITORY: "o/r",
      GITHUB_WORKSPACE: folder,
      GITHUB_RUN_ID: "1",
      GITHUB_JOB: "plan",
      GITHUB_EVENT_NAME: "pull_request",
      RUNNER_TEMP: folder,
    };
    expect(workflowRun({ ...said, GITHUB_ACTOR: "dependabot[bot]" }).actor).toBe("dependabot[bot]");
    expect(workflowRun(said).actor).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
