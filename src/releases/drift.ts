import type { Stored } from "../aws/bucket.ts";
import { type DagsList, listOf, listVersion } from "../domain/dags-list.ts";
import type { Finding } from "../domain/finding.ts";
import type { Release } from "../domain/release.ts";
import { sameRevision, showRevision } from "../domain/verdict.ts";
import type { Service, Stack } from "../stack/stack.ts";
import { compareDefinitions } from "../task-definitions/compare.ts";
import {
  isScaled,
  type KnownDefinition,
  type LocationDags,
  type MovedService,
  movedOf,
  type Observation,
  shownName,
  showRunning,
} from "./observation.ts";

/** Something that runs, or stands, and is not what the current release says. */
export interface Drift {
  /** Key of the service, or ECS's name of one that is not of the stack; null: the stack as a whole. */
  readonly service: string | null;
  /** The location whose code in S3 it is about. */
  readonly location?: string;
  readonly kind: "gone" | "unfinished" | "revision" | "count" | "tasks" | "overlap" | "contract" | "dags" | "list";
  /** For people, to be read after the name of the service. Names of variables at most, never a value. */
  readonly what: string;
  /** What the next deploy does about it. */
  readonly remedy: string;
}

/** What drift is told from. */
export type Ran = Pick<Observation, "releasing" | "current" | "services" | "before" | "definitions"> & {
  readonly dags: Readonly<Record<string, SeenPointer>>;
  /** The list of locations; absent: nobody needs one, or it may not be read. */
  readonly list?: Pick<Stored<DagsList>, "value"> | null;
};

/** What readers of a location have, and had before an unfinished release. */
export type SeenPointer = Pick<LocationDags, "pointer" | "before" | "releasedBy">;

/**
 * What differs from the current release, service by service. A count that something else sets is no drift, and neither is one
 * above 0 that the infrastructure may have chosen; of daemons, and of servers of a location, there is one.
 */
export function driftOf(stack: Stack, ran: Ran): readonly Drift[] {
  const moved = movedOf(stack, ran);
  const services = Object.values(stack.services).flatMap((service) => {
    const one = moved.find(({ key, now }) => key === service.key && now.revision !== null);
    return one === undefined ? driftOfService(service, ran) : [driftOfMoved(one, ran)];
  });
  const others = moved.flatMap((one) =>
    one.service === null && one.now.revision !== null ? [driftOfMoved(one, ran)] : [],
  );
  const dags = Object.keys(stack.dags).flatMap((location) => driftOfDags(location, ran));
  return [...services, ...others, ...dags, ...driftOfList(ran), ...driftOfContract(stack, ran.current)];
}

/** `webserver is scaled to 0` */
export function showDrift(drift: Drift): string {
  return `${subjectOf(drift)} ${drift.what}`;
}

/** What people know that by which has drifted. */
export function subjectOf({ service, location }: Drift): string {
  return service ?? (location === undefined ? "the stack" : `readers of ${location}`);
}

/** Drift as a plan tells it. A service that is gone, and a daemon that may overlap, have findings of their own. */
export function driftFindings(stack: Stack, ran: Ran): readonly Finding[] {
  return driftOf(stack, ran).flatMap((drift): readonly Finding[] => {
    const { service, location = "", kind, remedy: fix } = drift;
    const place = service === null ? stack.dags[location]?.place : stack.services[service]?.place;
    const where = place ?? wholeFile(stack);
    const what = `${showDrift(drift)}.`;
    switch (kind) {
      case "gone":
      case "overlap":
        return [];
      case "unfinished":
        return [{ id: "unfinished-release", level: "warning", where, what, fix }];
      case "contract":
        return [{ id: "drift", level: "notice", where, what, fix }];
      case "revision":
      case "count":
      case "tasks":
      case "dags":
      case "list":
        return [{ id: "drift", level: "warning", where, what, fix }];
    }
  });
}

/** Services that an infrastructure deploy takes away from us again: CloudFormation knows nothing of our revisions. */
export function ownershipFindings(stack: Stack, services: Observation["services"]): readonly Finding[] {
  return Object.values(stack.services).flatMap(({ key, service, place: where }): readonly Finding[] => {
    const owner = services[key]?.cloudFormationStack ?? null;
    if (owner === null) return [];
    return [
      {
        id: "owned-by-cloudformation",
        level: "warning",
        where,
        what: `Service ${service} belongs to the CloudFormation stack ${owner}: when that is deployed with a change of the service, it puts its own task definition and count back.`,
        fix: "Deploy this stack after each deploy of that one. Or take the service out of it: `DeletionPolicy: Retain` with a new `Metadata`, since a policy alone is no change; deploy; remove the resource from the template, deploy. When that stack is gone and its tag has stayed on the service, lower this check.",
        source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html",
      },
    ];
  });
}

/** May two tasks of it run at once while it is replaced? Source: ECS developer guide, deployment-type-ecs. */
export function mayOverlap({
  rollout: { minimumHealthyPercent, maximumPercent },
}: Pick<NonNullable<Observation["services"][string]>, "rollout">): boolean {
  return minimumHealthyPercent > 0 || maximumPercent > 100;
}

function driftOfMoved({ key, now, former }: MovedService, { releasing }: Ran): Drift {
  const ran = showRunning(former.taskDefinition, former.desiredCount);
  if (releasing !== null)
    return {
      service: shownName(key, now.name),
      kind: "unfinished",
      what: `runs ${showRunning(now.revision, now.desiredCount)}: ${releasing}, who is releasing now, has moved it. Before, it ran ${ran}`,
      remedy: "Wait until that release has ended.",
    };
  return {
    service: shownName(key, now.name),
    kind: "unfinished",
    what: `runs ${showRunning(now.revision, now.desiredCount)}: a release that was cut, or failed, has moved it. Before, it ran ${ran}`,
    remedy:
      "Nothing to do: the next release goes on from there, and should it fail, all of it goes back to what was before.",
  };
}

function driftOfService(service: Service, { current, services, definitions }: Ran): readonly Drift[] {
  const { key } = service;
  const [now, pinned] = [services[key] ?? null, current?.taskDefinitions[`service/${key}`]];
  if (pinned === undefined) return [];
  if (now === null || now.status !== "ACTIVE") {
    const infrastructure = "A deploy stops: the infrastructure must create it again (count 0 is enough).";
    return [{ service: key, kind: "gone", what: "does not exist any more", remedy: infrastructure }];
  }
  return [
    ...(sameRevision(now.revision, pinned)
      ? []
      : [
          {
            service: key,
            kind: "revision" as const,
            what: `runs ${now.revision === null ? "nothing" : showRevision(now.revision)} instead of ${showRevision(pinned)}${differences(definitions[`service/${key}`])}${ownerOf(now)}`,
            remedy: `A deploy replaces it: what was changed by other means belongs into the stack file, or is lost.${now.cloudFormationStack === null ? "" : " To keep it from coming back, retire that stack: docs/adopting.md."}`,
          },
        ]),
    ...driftOfCount(service, now),
    ...(service.kind === "daemon" && mayOverlap(now)
      ? [
          {
            service: key,
            kind: "overlap" as const,
            what: `may run twice at once while it is replaced (percentages ${now.rollout.minimumHealthyPercent}/${now.rollout.maximumPercent})`,
            remedy: "A deploy stops: set minimumHealthyPercent 0 and maximumPercent 100 on the service.",
          },
        ]
      : []),
  ];
}

/** What has put another definition there most likely: CloudFormation knows nothing of releases. */
function ownerOf({ cloudFormationStack: owner }: NonNullable<Observation["services"][string]>): string {
  return owner === null
    ? ""
    : `; it belongs to the CloudFormation stack ${owner}, whose deploy (\`docker compose up\`, for one) puts its own there`;
}

const whyOne: Readonly<Record<"daemon" | "code-location", (tasks: number) => string>> = {
  daemon: (tasks) => `every schedule ticks ${tasks} times`,
  "code-location": () => "Dagster takes several servers of one location for one that keeps changing",
};

function driftOfCount(
  service: Service,
  { desiredCount, runningCount }: NonNullable<Observation["services"][string]>,
): readonly Drift[] {
  const { key, kind, count } = service;
  const isOff = isScaled(service) ? desiredCount > 0 && runningCount === 0 : runningCount < desiredCount;
  if (desiredCount === 0 && !isScaled(service))
    return [{ service: key, kind: "count", what: "is scaled to 0", remedy: `A deploy starts ${count}.` }];
  if (kind !== "webserver" && desiredCount > count)
    return [
      {
        service: key,
        kind: "count",
        what: `is scaled to ${desiredCount}: ${whyOne[kind](desiredCount)}`,
        remedy: `A deploy scales it to ${count}.`,
      },
    ];
  if (!isOff) return [];
  const what = `has ${runningCount} of ${desiredCount} tasks`;
  return [{ service: key, kind: "tasks", what, remedy: "A deploy waits until they run, and fails when they do not." }];
}

/** Readers of a location have what no release that was committed has let them have. What releases itself has not drifted. */
function driftOfDags(location: string, { dags, current, releasing }: Ran): readonly Drift[] {
  const [seen, pinned] = [dags[location], current?.dags[location]];
  if (seen === undefined || pinned === undefined || seen.releasedBy === "itself") return [];
  const common = { service: null, location } as const;
  if (seen.pointer === null)
    return [
      {
        ...common,
        kind: "dags",
        what: `find no pointer any more; the current release says ${pinned.version}`,
        remedy: "A deploy writes it anew, and publishes what is not there.",
      },
    ];
  const { version, source, run, at } = seen.pointer.value;
  if (seen.before?.version !== version) {
    const former = seen.before === null ? "nothing" : `version ${seen.before.version.slice(0, 12)}`;
    const who =
      releasing === null ? "a release that was cut, or failed, has" : `${releasing}, who is releasing now, has`;
    return [
      {
        ...common,
        kind: "unfinished",
        what: `have version ${version.slice(0, 12)}: ${who} switched them. Before, they had ${former}`,
        remedy:
          releasing === null
            ? "Nothing to do: the next release goes on from there, and should it fail, they get what they had before."
            : "Wait until that release has ended.",
      },
    ];
  }
  if (version === pinned.version) return [];
  const page = run === null ? "" : ` (${run})`;
  return [
    {
      ...common,
      kind: "dags",
      what: `have version ${version}, of ${source.repository} at ${source.sha}${page}, since ${at}; the current release says ${pinned.version}`,
      remedy:
        "Somebody has switched them beside the stack. A deploy switches them to what is checked out; a location that another repository releases has `source:`.",
    },
  ];
}

/** Webserver and daemon load by a list that no release which was committed has written. */
function driftOfList({ list, current, releasing }: Ran): readonly Drift[] {
  const says = current === null ? null : listOf(current);
  if (says === null || list === undefined || list?.value.version === listVersion(says)) return [];
  const names = Object.keys(says).join(", ");
  const common = { service: null, kind: "list" } as const;
  if (list === null)
    return [
      {
        ...common,
        what: `has no list of locations any more; the current release says ${names}`,
        remedy: "A deploy writes it anew. Until then no task of webserver or daemon can start.",
      },
    ];
  const { locations, source, run, at } = list.value;
  const page = run === null ? "" : ` (${run})`;
  return [
    {
      ...common,
      what: `has a list of locations with ${Object.keys(locations).join(", ")}, written for ${source.repository} at ${source.sha}${page} at ${at}; the current release says ${names}`,
      remedy:
        releasing === null
          ? "A release that was cut has left it, or somebody has written it by other means. The next deploy writes what it needs."
          : `Wait until the release of ${releasing} has ended.`,
    },
  ];
}

function driftOfContract({ contract }: Stack, current: Release | null): readonly Drift[] {
  const [then, now] = [current?.contract ?? null, contract.version ?? null];
  if (then === null || now === null || then === now) return [];
  return [
    {
      service: null,
      kind: "contract",
      what: `was released under version ${then} of its contract, and the infrastructure is at version ${now}`,
      remedy: `A deploy makes its task definitions under version ${now}.`,
    },
  ];
}

const shownDifferences = 10;
/** Names come out of definitions that anybody may have registered. */
const plainName = /^[\w.-]{1,100}$/;

/** In what the definition that runs differs from the released one: names, and no values. */
function differences(known: KnownDefinition | undefined): string {
  const { released = null, running = null } = known ?? {};
  if (released === null || running === null) return "";
  const paths = compareDefinitions(released.content, running.content).map(({ path }) => path);
  const names = [...new Set(paths.filter(([member]) => member !== "family").map(nameOf))];
  if (names.length === 0) return ", which says the same";
  const more = names.length - shownDifferences;
  return `, which differs in ${names.slice(0, shownDifferences).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function nameOf(path: readonly string[]): string {
  if (!path.every((part) => plainName.test(part))) return "something whose name is not shown";
  const [member = "", container = "", ...rest] = path;
  if (member !== "containers") return path.join(".");
  const [kind = "", name = ""] = rest;
  if (kind === "environment") return `variable ${name}`;
  if (kind === "secrets") return `secret ${name}`;
  return `${rest.join(".")} of container ${container}`;
}

function wholeFile({ file }: Stack): Finding["where"] {
  return { file, line: 1, column: 1 };
}
