import type { Finding } from "../domain/finding.ts";
import { hasReader, loadedDags } from "./dags-definitions.ts";
import { loadingHosts, locationsServedBy } from "./hosts.ts";
import type { Release } from "../domain/release.ts";
import type { Stack } from "../stack/stack.ts";
import { placeAt, textAt } from "../stack/tree.ts";
import { imageFor, type Observation } from "./observation.ts";

/** What is known to go wrong with code that lies in S3. */
export function checkDags(stack: Stack, scope: Stack, observation: Observation): readonly Finding[] {
  const each = Object.values(scope.dags).flatMap((dags): readonly Finding[] => {
    const seen = observation.dags[dags.location];
    if (seen === undefined) return [];
    return [
      ...(seen.wanted?.findings ?? []),
      ...(seen.plain ?? []).flatMap(({ findings }) => findings),
      ...samePrefix(dags),
      ...unpublished(dags, seen),
      ...notPromoted(dags, seen, observation),
      ...lockDiffers(stack, dags, seen, observation),
      ...readerMissing(stack, dags, observation),
      ...ownDefinition(stack, dags),
    ];
  });
  return [...each, ...runsMixed(stack), ...launcherMissing(stack, observation)];
}

/** One definition starts the runs of all that hosts load, and the reader in it refuses code that no version holds. */
function runsMixed(stack: Stack): readonly Finding[] {
  const fromS3 = loadedDags(stack);
  const loaded = loadingHosts(stack).flatMap(({ locations }) => locations);
  const others = [...new Set(loaded)].filter((location) => !fromS3.includes(location));
  const [first] = fromS3.flatMap((location) => stack.dags[location] ?? []);
  if (stack.runs.kind !== "ecs" || first === undefined || others.length === 0) return [];
  return [
    {
      id: "dags-runs-mixed",
      level: "error",
      where: first.place,
      what: `Webserver and daemon load ${fromS3.join(", ")} from S3 and ${others.join(", ")} from their image, and start the runs of all of them from one definition: those of ${others.join(", ")} would find no code.`,
      fix: "Give the others a code server each (`kind: code-location`); or bring them to S3, too.",
    },
  ];
}

/** Dagster's own launcher starts a run on whatever is loaded when it leaves the queue. */
function launcherMissing(stack: Stack, { instanceFile }: Observation): readonly Finding[] {
  const [first] = Object.values(stack.dags).filter(({ layout }) => layout !== "mirror");
  const tree = instanceFile?.tree ?? null;
  if (first === undefined || tree === null || stack.runs.kind === "ecs") return [];
  if (textAt(tree, ["run_launcher", "class"])?.text === "PlannedCodeRunLauncher") return [];
  return [
    {
      id: "dags-launcher",
      level: "warning",
      where: placeAt(tree, ["run_launcher"]),
      what: `Runs of ${Object.keys(stack.dags).join(", ")} live in the process that loads their code, and dagster.yaml does not name the launcher that keeps them on the version which they were planned with: one that waits while a version is switched would run the new one.`,
      fix: "Add `run_launcher: { module: dag_reader.launcher, class: PlannedCodeRunLauncher }` to dagster.yaml.",
    },
  ];
}

/** Versions of an earlier release that cannot be served any more. */
export function checkDagsThere({ dags }: Pick<Observation, "dags">, { id }: Pick<Release, "id">): readonly Finding[] {
  return Object.entries(dags).flatMap(([location, { wanted, prefix }]): readonly Finding[] => {
    if (wanted === null || wanted.source !== null) return [];
    return [
      {
        id: "rollback-dags-gone",
        level: "error",
        where: `release ${id}`,
        what: `Version ${wanted.version} of the DAGs of ${location} is not below ${prefix} in the stack's bucket any more, or not whole: readers could not fetch it.`,
        fix: "Check out that commit and deploy it: the version is published again. Or go back to a release whose versions are kept.",
      },
    ];
  });
}

type Dags = Stack["dags"][string];
type Seen = Observation["dags"][string];

/** Whatever serves it waits for a first version. */
function unpublished({ location, place, source, prefix }: Dags, { pointer }: Seen): readonly Finding[] {
  if (source === null || pointer !== null) return [];
  return [
    {
      id: "dags-unpublished",
      level: "error",
      where: place,
      what: `Nothing was published of location ${location} yet, and ${source.repository} does that: what serves it would wait for a first version, and never be healthy.`,
      fix: `Publish it from ${source.repository} with actions/sync-dags (\`prefix: ${prefix}\`), and deploy then.`,
    },
  ];
}

/** A version that is promoted is copied; this one is nowhere any more. */
function notPromoted({ location, place }: Dags, { wanted }: Seen, { promoted }: Observation): readonly Finding[] {
  if (promoted === null || wanted === null || wanted.source !== null) return [];
  return [
    {
      id: "dags-not-promoted",
      level: "error",
      where: place,
      what: `Version ${wanted.version} of the DAGs of ${location}, which the release of ${promoted.environment} names, lies neither in its bucket nor in the one of this environment, or not whole: it cannot be copied.`,
      fix: `Deploy its commit to ${promoted.environment} again, which publishes it anew; or promote a release whose versions are kept.`,
    },
  ];
}

/** Code that was written against other packages than those it will find. */
function lockDiffers(stack: Stack, dags: Dags, { lock }: Seen, observation: Observation): readonly Finding[] {
  const server = Object.values(stack.services).find((service) => locationsServedBy(service).includes(dags.location));
  const image = server === undefined ? undefined : imageFor(observation, server);
  const made = image?.made?.of.requirements ?? image?.lock ?? null;
  if (lock === null || made === null || lock === made) return [];
  return [
    {
      id: "dags-lock-differs",
      level: "warning",
      where: dags.place,
      what: `The DAGs of ${dags.location} were published with lock file ${lock.slice(0, 12)}, and image ${server?.image ?? ""}, which will run them, has ${made.slice(0, 12)}: a package that they import may be missing, or another version.`,
      fix: "Deploy an image of the same lock file first; or publish the DAGs anew with the lock file of the image.",
    },
  ];
}

/** An image of layers has the reader only when a file of `files` brings it. */
function readerMissing(stack: Stack, { location, place }: Dags, observation: Observation): readonly Finding[] {
  if (!hasReader(stack, location)) return [];
  const serving = Object.values(stack.services).filter((service) => locationsServedBy(service).includes(location));
  const lacking = serving.filter((service) => {
    const files = imageFor(observation, service)?.made?.of.files;
    return files !== undefined && !Object.keys(files).some((path) => /(^|\/)dag_reader\/__main__\.py$/.test(path));
  });
  const images = [...new Set(lacking.map(({ image }) => image))];
  if (images.length === 0) return readerOld(stack, location, place, observation);
  return [
    {
      id: "dags-reader-missing",
      level: "error",
      where: place,
      what: `Location ${location} is served from S3, and image ${images.join(", ")} has no reader of it: its processes would not start.`,
      fix: "Copy docker/dag-reader/dag_reader into the repository, and let `layers.files` bring it into a folder of Python's path: `{ from: docker/dag-reader/dag_reader, to: /app/dag_reader }` with `workdir: /app`.",
    },
  ];
}

/** A reader of before there were lists would not start where it is given one. */
function readerOld(stack: Stack, location: string, place: Dags["place"], observation: Observation): readonly Finding[] {
  const old = loadingHosts(stack).filter((host) => {
    const files = imageFor(observation, host)?.made?.of.files;
    return (
      host.locations.includes(location) &&
      files !== undefined &&
      !Object.keys(files).some((path) => /(^|\/)dag_reader\/listed\.py$/.test(path))
    );
  });
  const images = [...new Set(old.map(({ image }) => image))];
  if (images.length === 0) return [];
  return [
    {
      id: "dags-reader-missing",
      level: "error",
      where: place,
      what: `Location ${location} is loaded by webserver or daemon, which are told their locations by a list in the bucket, and image ${images.join(", ")} has a reader that does not know lists: its processes would not start.`,
      fix: "Copy docker/dag-reader/dag_reader of this version into the repository anew.",
    },
  ];
}

/** Whoever copies plain files from the prefix of the versions copies archives and manifests as well. */
function samePrefix({ location, layout, prefix, mirrorPrefix, place }: Dags): readonly Finding[] {
  if (layout === "versioned" || !prefix.startsWith(mirrorPrefix)) return [];
  return [
    {
      id: "mirror-prefix",
      level: "notice",
      where: place,
      what: `Plain files of ${location} lie under ${mirrorPrefix}, and its versions under ${prefix}: who copies the one copies archives and manifests of the other, too.`,
      fix: "Give the plain files a prefix of their own: `mirror-prefix`. Or leave `archives/` and `versions/` out where they are copied (`--exclude`).",
    },
  ];
}

/** Somebody else's definition starts what it says. */
function ownDefinition({ services, runs, dags }: Stack, { location, place }: Dags): readonly Finding[] {
  if (!hasReader({ dags }, location)) return [];
  const serving = Object.values(services).filter((service) => locationsServedBy(service).includes(location));
  const starting =
    runs.kind === "ecs" ? Object.values(runs.definitions).filter((run) => run.location === location) : [];
  if ([...serving, ...starting].every(({ definition }) => definition.kind === "generated")) return [];
  return [
    {
      id: "dags-own-definition",
      level: "error",
      where: place,
      what: `Location ${location} is to be served from S3, and a task definition of your own serves it, or starts its runs: no reader is put into it.`,
      fix: "Let the definition be made: remove `task-definition`. Or keep it, start the reader in it yourself, and publish with actions/sync-dags: remove the location from `dags`.",
    },
  ];
}
