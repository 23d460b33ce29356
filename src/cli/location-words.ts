import type { Change } from "../releases/locations/change.ts";
import type { Going } from "../releases/locations/going.ts";
import type { lineDiff } from "../releases/locations/diff.ts";

/** What is different in the stack file, for people; nothing: nothing is. */
export function wordsOfChangedFile({ file, before, after }: Change, diff: typeof lineDiff): readonly string[] {
  return before === after ? [] : [`${file}:`, ...diff(before, after).map((line) => `  ${line}`)];
}

/** Runs that are named one by one. */
const mostRuns = 10;

/** What goes, what stays and what is waited for, for people. */
export function wordsOfGoing(going: Going): readonly string[] {
  const { location, hosts, server, objects, publisher, logGroups, releases, runs } = going;
  const more = runs.found.length - mostRuns;
  const isServed = hosts.length > 0 || server !== null;
  return [
    ...(isServed
      ? [
          `With location ${location} go, with the next release:`,
          "  its definitions, schedules and sensors, out of Dagster",
        ]
      : [`Location ${location} is not published from here any more. Whoever serves it goes on with the code it has.`]),
    ...(hosts.length === 0 ? [] : [`  its place in ${hosts.join(" and ")}, which load it themselves`]),
    ...(server === null
      ? []
      : [
          `  service ${server.key}, out of the stack: ECS service ${server.service} goes on running until the infrastructure removes it, or you scale it to 0`,
        ]),
    "What stays:",
    "  state of its schedules and sensors, in Dagster's database: a location of the same name finds it again",
    ...objects.map((uri) => `  its code below s3://${uri}`),
    ...(publisher === null ? [] : [`  what ${publisher} publishes there from now on, which nobody reads`]),
    ...(logGroups.length === 0 ? [] : [`  its lines in log group ${logGroups.join(" and ")}`]),
    "  data that it has written elsewhere: buckets, tables",
    ...(objects.length === 0
      ? []
      : [
          releases.length === 0
            ? "To remove its code; no release that is known has it:"
            : `To remove its code, once you go back to none of these releases, which need it: ${releases.join(", ")}`,
          ...objects.map((uri) => `  aws s3 rm --recursive s3://${uri}`),
        ]),
    runs.found.length === 0
      ? runs.why === null
        ? "No run of it is queued or under way."
        : `Whether runs of it are queued or under way is not known: ${runs.why.untrusted}`
      : `${runs.found.length === 1 ? "A run of it is" : `${runs.found.length} runs of it are`} queued or under way: let them end before the release, or terminate them; one in the queue would find no location.`,
    ...runs.found.slice(0, mostRuns).map(({ id, job, status }) => `  ${id.untrusted}: ${job.untrusted}, ${status}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
    ...(runs.found.length > 0 && runs.why !== null ? [`  ${runs.why.untrusted}`] : []),
  ];
}
