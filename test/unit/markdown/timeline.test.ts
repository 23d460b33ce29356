import { untrusted } from "../../../src/domain/evidence.ts";
import { timeline } from "../../../src/markdown/timeline.ts";

test("A timeline is drawn by GitHub, with all that happened at one time in one column", () => {
  const { markdown } = timeline("Deployment of app", [
    { seconds: 0, events: ["app:2 begun, on app:1"] },
    { seconds: 34, events: ["ECS started a task", "a task failed: container app exited with code 3"] },
  ]);
  expect(markdown.split("\n")).toEqual([
    "```mermaid",
    "timeline",
    "    title Deployment of app",
    "    0 s : app#58;2 begun, on app#58;1",
    "    34 s : ECS started a task : a task failed#58; container app exited with code 3",
    "```",
  ]);
});

test.each([
  ["the end of the fence", "a\n```\n# injected", "a #96;#96;#96; #35; injected"],
  ["HTML", "<img src=x onerror=alert(1)>", "#60;img src#61;x onerror#61;alert(1)#62;"],
  ["a directive", "%%{init: {}}%%", "#37;#37;#123;init#58; #123;#125;#125;#37;#37;"],
  ["an entity of its own", "&amp;#58;", "#38;amp#59;#35;58#59;"],
  ["a comment", "; # nothing", "#59; #35; nothing"],
  ["nothing", " \n ", "-"],
])("Foreign text cannot be %s", (_, text, shown) => {
  const { markdown } = timeline("t", [{ seconds: 0, events: [untrusted(text)] }]);
  expect(markdown.split("\n")).toEqual(["```mermaid", "timeline", "    title t", `    0 s : ${shown}`, "```"]);
});

test("A long text is cut", () => {
  expect(timeline("t", [{ seconds: 0, events: ["x".repeat(500)] }]).markdown).toContain(`${"x".repeat(120)}#8230;\n`);
});

test("Nothing that happened is no timeline", () => {
  expect(timeline("t", []).markdown).toBe("");
});
