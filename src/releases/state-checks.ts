import type { Finding } from "../domain/finding.ts";
import { locationKey } from "../domain/identifiers.ts";
import type { Instigator } from "../domain/instigators.ts";
import type { Release } from "../domain/release.ts";
import { isLoss } from "../gates/state/compare.ts";
import { nameOf } from "../gates/state/explain.ts";
import type { Stack } from "../stack/stack.ts";
import { locationsServedBy } from "./hosts.ts";
import type { Observation } from "./observation.ts";

/**
 * What a release would lose of the state that people made, as far as that can be told before anything moves; and what it cannot
 * tell. Dagster keeps it under location, repository and name: a location under another name has none.
 * @param allowsLoss it is meant
 */
export function checkState(
  stack: Stack,
  { current, instigators }: Pick<Observation, "current" | "instigators">,
  { only }: Pick<Release, "only">,
  allowsLoss: boolean,
): readonly Finding[] {
  if (stack.gates.levels.state?.level === "off") return [];
  return [
    ...(only === null ? checkLeft(stack, current, instigators.locations ?? {}, allowsLoss) : []),
    ...(only === null ? checkRenamed(stack, current) : []),
    ...checkNoted(stack, instigators.unknown),
  ];
}

/** Locations that the stack file does not have any more, and whose runs the current release starts: others in the workspace are not ours. */
function checkLeft(
  stack: Stack,
  current: Release | null,
  locations: NonNullable<Observation["instigators"]["locations"]>,
  allowsLoss: boolean,
): readonly Finding[] {
  const kept = new Set(Object.values(stack.services).flatMap(locationsServedBy));
  const isReleased = (location: string): boolean =>
    current?.taskDefinitions[`run/${locationKey(location)}`] !== undefined;
  const fresh = [...kept].filter((location) => !Object.hasOwn(locations, location));
  return Object.entries(locations).flatMap(([location, noted]): Finding[] => {
    if (kept.has(location) || !isReleased(location)) return [];
    const lost = noted.filter((was) => isLoss({ kind: "gone", was, renamedTo: null }));
    if (lost.length === 0) return [];
    const renamed = fresh.length === 0 ? "" : ` New is ${fresh.join(", ")}.`;
    return [
      {
        id: "state-location-left",
        level: allowsLoss ? "warning" : "error",
        where: { file: stack.file, line: 1, column: 1 },
        what: `The stack file does not have code location ${location} any more, which has schedules or sensors that are on, or that somebody has touched: ${listed(lost)}.${renamed} A location under another name begins without any state.`,
        fix: "Keep the location's name. When the loss is meant, release with the input `allow-state-loss: true`, and turn on what takes their place.",
      },
    ];
  });
}

/**
 * One location goes and another one comes, by the definitions of their runs. Whether that is one code under two names nobody can tell;
 * what it means is told even where no schedule or sensor would lose anything.
 */
function checkRenamed({ services }: Stack, current: Release | null): readonly Finding[] {
  if (current === null) return [];
  const served = Object.values(services).flatMap((service) =>
    locationsServedBy(service).map((location) => ({ location, place: service.place })),
  );
  const keys = new Set(served.map(({ location }) => locationKey(location)));
  const released = Object.keys(current.taskDefinitions).flatMap((name) => /^run\/(.+)$/.exec(name)?.[1] ?? []);
  const gone = released.filter((key) => !keys.has(key));
  const [fresh, ...others] = served.filter(({ location }) => !released.includes(locationKey(location)));
  if (gone.length === 0 || fresh === undefined) return [];
  return [
    {
      id: "location-renamed",
      level: "warning",
      where: fresh.place,
      what: `${gone.join(", ")} goes, and ${[fresh, ...others].map(({ location }) => location).join(", ")} is new. Is it the same code under another name, then all that Dagster keeps by the location's name stays behind: what people made of schedules and sensors, ticks, backfills, runs that wait, and the way from a past run to its job.`,
      fix: "Keep the name: `location` here, and `location_name` in the workspace file. If it is meant, let no run of the old one wait in the queue.",
    },
  ];
}

function checkNoted({ file, gates }: Stack, unknown: string | null): readonly Finding[] {
  if (unknown === null) return [];
  return [
    {
      id: "state-not-noted",
      level: "warning",
      where: { file, line: 1, column: 1 },
      what: `What schedules and sensors are now is not known in part or whole, so nothing will tell whether this release loses what people have made of them: ${unknown}.`,
      fix:
        gates.reach === "task"
          ? "A release asks by a task in the VPC; every code location must be loaded then, so that nothing is lost unseen."
          : "Let the webserver be reached from here, or set `gates: { reach: task }`, with which a task in the VPC asks it; every code location must be loaded. Then nothing is lost unseen.",
    },
  ];
}

const namedAtMost = 10;

function listed(lost: readonly Instigator[]): string {
  const named = lost.slice(0, namedAtMost).map(nameOf).join(", ");
  const more = lost.length - namedAtMost;
  return more > 0 ? `${named} and ${more} more` : named;
}
