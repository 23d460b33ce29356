import { whyNotRun } from "../../../src/github/run.ts";

test.each(["push", "pull_request", "merge_group", "workflow_dispatch", "schedule", "release"])(
  "on %s whoever wrote the checkout could have written the workflow: its files may be run",
  (event) => expect(whyNotRun({ event })).toBeNull(),
);

test.each(["pull_request_target", "workflow_run", "issue_comment", "an event of tomorrow"])(
  "on %s the checkout may be anybody's, with the rights of the default branch: its files are not run, and that is said",
  (event) =>
    expect(whyNotRun({ event })).toBe(
      `Code of the checkout is not run on ${event}: it may be of somebody who may not do what this job may.`,
    ),
);
