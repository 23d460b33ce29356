import { existsSync, readFileSync } from "node:fs";

const page = readFileSync("docs/definitions.md", "utf8");

test("the lines that fetch the program name a file that is there, by the tag that the action is named by", () => {
  const fetched = [
    ...page.matchAll(/https:\/\/raw\.githubusercontent\.com\/OWNER\/dagster-ecs-actions\/([^/]+)\/(\S+)/g),
  ];
  expect(fetched.length).toBeGreaterThan(0);
  for (const [, tag = "", path = ""] of fetched) {
    expect(existsSync(path)).toBe(true);
    expect(page).toContain(`uses: OWNER/dagster-ecs-actions@${tag}`);
  }
});

test("who says that a plan runs code names where that is told", () => {
  const security = readFileSync("SECURITY.md", "utf8");
  for (const heading of ["Loaded on the runner", "In a job of its own"]) {
    expect(page).toMatch(new RegExp(`^#+ ${heading}$`, "m"));
    expect(security).toContain(`docs/definitions.md#${heading.toLowerCase().replaceAll(" ", "-")}`);
  }
});
