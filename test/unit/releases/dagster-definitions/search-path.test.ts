import { foundIn, type StartedIn } from "../../../../src/releases/dagster-definitions/search-path.ts";

const plain: StartedIn = { written: null, imageWorkdir: "/app", workdir: null, pythonPath: null };
const inTree = (change: Partial<StartedIn>, packages: string | null = "/p") =>
  foundIn({ ...plain, ...change }, "/t", packages);

test.each<[string, Partial<StartedIn>, ReturnType<typeof foundIn>]>([
  ["nothing is said", {}, { cwd: "/t/app", workingDirectory: "/t/app", searched: ["/t/app", "/p"] }],
  [
    "the service has a folder of its own: that of the image is still looked into",
    { workdir: "/app/jobs" },
    { cwd: "/t/app/jobs", workingDirectory: "/t/app/jobs", searched: ["/t/app", "/p"] },
  ],
  [
    "PYTHONPATH is written",
    { written: "/app/src" },
    { cwd: "/t/app", workingDirectory: "/t/app", searched: ["/t/app/src", "/p"] },
  ],
  [
    "PYTHONPATH names packages, and folders from where it is started",
    { written: "lib::/opt/dependencies:/app", workdir: "/work" },
    { cwd: "/t/work", workingDirectory: "/t/work", searched: ["/t/work/lib", "/p", "/t/app"] },
  ],
  [
    "Dagster is told where to look",
    { pythonPath: "/app/src", workdir: "/work" },
    { cwd: "/t/work", workingDirectory: "/t/app/src", searched: ["/t/app", "/p"] },
  ],
])("code is found as in its container: %s", (_, change, expected) => expect(inTree(change)).toEqual(expected));

test("without packages there are none to find; no path leads out of the image", () => {
  expect(inTree({ written: "/opt/dependencies:/../../etc" }, null).searched).toEqual(["/t/etc"]);
});
