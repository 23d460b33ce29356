import { roll } from "../../../src/deployments/index.ts";
import type { Ending } from "../../../src/deployments/judge.ts";
import { storyOf } from "../../../src/deployments/story.ts";
import type { Track } from "../../../src/deployments/track.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { breakerWithRollback } from "../local-aws/stage.ts";
import { begun, start } from "./observations.ts";
import { openScene, request } from "./scene.ts";

const event = (seconds: number, text: string) => ({
  id: `${seconds} ${text}`,
  at: start + seconds * 1000,
  text: untrusted(`(service app) ${text}`),
});

const told = (changes: Partial<Track>, ending: Ending = "time-over"): readonly string[] =>
  storyOf({ ...begun(), ...changes }, ending, start + 90_000).map(({ seconds, what }) => `${seconds} ${what}`);

test("A story has what ECS did, what failed, what this job did, and the end, in order", () => {
  const stopped = [
    {
      id: "60a7",
      isOver: true,
      at: start + 40_000,
      lived: 0,
      code: "TaskFailedToStart",
      reason: untrusted("CannotPullContainerError: not found"),
      containers: [],
    },
  ];
  const events = [event(5, "has started 1 tasks: (task 60a7)."), event(50, "has started 2 tasks: (task 1), (task 2).")];
  expect(told({ events, stopped, stopAt: start + 60_000, failedAt: start + 70_000 }, "rolled-back")).toEqual([
    "0 app:2 begun, on app:1",
    "5 ECS started a task",
    "40 a task failed: the image does not exist in the registry",
    "50 ECS started 2 tasks",
    "60 this job told ECS to go back",
    "70 ECS gave it up",
    "90 ECS has gone back",
  ]);
});

test("Events of before it began, and such as tell nothing, are left out", () => {
  expect(told({ events: [event(-5, "has started 1 tasks: (task 60a7)."), event(9, "is AZ balanced")] })).toEqual([
    "0 app:2 begun, on app:1",
    "90 its time was over",
  ]);
});

test("A long one is told from both ends", () => {
  const events = Array.from({ length: 60 }, (_, index) => event(index + 1, "has started 1 tasks: (task 1)."));
  const story = told({ events });
  expect(story).toHaveLength(19);
  expect(story).toContain("8 … and 44 more like these");
});

test("Foreign words are never part of it", () => {
  expect(
    told({ events: [event(3, "has started 1 tasks: <script>"), event(4, "was unable to place a task. <b>")] }),
  ).toEqual([
    "0 app:2 begun, on app:1",
    "3 ECS started a task",
    "4 ECS found no place for a task, or could not start it",
    "90 its time was over",
  ]);
});

test("A verdict carries its story, and where AWS shows the service and the log", async () => {
  const scene = await openScene({ service: { deploymentConfiguration: breakerWithRollback } });
  scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2, log: [{ text: "KeyError: 'DATABASE'" }] });
  await scene.register();
  const { story, page, evidence } = await scene.run(roll(scene.clients, scene.context, request({ failEarly: true })));
  await scene.aws.close();
  expect(page).toMatch(
    /^https:\/\/console\.aws\.amazon\.com\/ecs\/v2\/clusters\/main\/services\/app\/deployments\?region=/,
  );
  const words = story.map(({ what }) => what);
  expect(words[0]).toBe("app:2 begun, on app:1");
  expect(words.at(-1)).toBe("ECS has gone back");
  expect(words).toEqual(
    expect.arrayContaining([
      "ECS started a task",
      "a task failed: container app exited with code 3",
      "this job told ECS to go back",
    ]),
  );
  expect(evidence.find(({ kind }) => kind === "log")?.page).toMatch(/#logsV2:log-groups\/log-group\/.*\/log-events\//);
});
