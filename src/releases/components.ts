import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Release } from "../domain/release.ts";
import { showRevision } from "../domain/verdict.ts";
import type { Stack } from "../stack/stack.ts";
import { isMadeFor } from "../task-definitions/definition.ts";
import { locationsServedBy } from "./hosts.ts";
import { runsOf } from "./scope.ts";
import { movedOf, type Observation, shownName, successorOf } from "./observation.ts";

/** What is to be said of components that a release does not make, or that come from elsewhere than before. */
export function checkComponents(
  stack: Stack,
  scope: Stack,
  observation: Observation,
  { only }: Pick<Release, "only">,
): readonly Finding[] {
  return [
    ...(only === null ? checkLeft(stack, observation) : checkKept(stack, scope, observation)),
    ...checkSources(scope, observation),
    ...checkOwners(scope, observation),
    ...checkPromoted(observation),
  ];
}

/** Components of the current release that the stack file has no more. */
function checkLeft(stack: Stack, { current }: Observation): readonly Finding[] {
  if (current === null) return [];
  const where = { file: stack.file, line: 1, column: 1 };
  const services = Object.entries(current.taskDefinitions).flatMap(([definition, revision]): Finding[] => {
    const key = definition.startsWith("service/") ? definition.slice("service/".length) : null;
    if (key === null || Object.hasOwn(stack.services, key)) return [];
    return [
      {
        id: "component-left",
        level: "warning",
        where,
        what: `The stack file has no service ${key} any more. It is not stopped: it goes on running ${showRevision(revision)} of release ${current.id}, and belongs to no release from now on.`,
        fix: "Let the infrastructure remove it, or scale it to 0. When it should stay, put it back into the stack file.",
      },
    ];
  });
  const migrations = new Set(stack.migrations.map(({ name }) => name));
  const others = [
    ...Object.keys(current.images).flatMap((key) => (Object.hasOwn(stack.images, key) ? [] : [`image ${key}`])),
    ...Object.keys(current.migrations).flatMap((name) => (migrations.has(name) ? [] : [`migration ${name}`])),
  ];
  return [
    ...services,
    ...dagsLeft(stack, current),
    ...others.map(
      (component): Finding => ({
        id: "component-left",
        level: "notice",
        where,
        what: `The stack file has no ${component} any more: this release does not have it either. What it has made stays.`,
        fix: "Nothing to do when that is meant.",
      }),
    ),
  ];
}

/** What goes, what stays and what waits of a location whose code lay in S3. */
function dagsLeft(stack: Stack, { dags, id }: Release): readonly Finding[] {
  const hosts = Object.values(stack.services).filter(({ kind }) => kind !== "code-location");
  return Object.entries(dags).flatMap(([location, { prefix, releasedBy }]): readonly Finding[] => {
    if (Object.hasOwn(stack.dags, location)) return [];
    const isServed = Object.values(stack.services).some((service) => locationsServedBy(service).includes(location));
    const goes = isServed
      ? "It is served from the image from now on, by what is replaced for that."
      : `With it go its schedules, sensors and definitions: ${hosts.map(({ key }) => key).join(" and ")} have it in their list no more once they are replaced, which the list in their definitions makes this release do where they loaded it themselves.`;
    const published = releasedBy === "itself" ? "; whoever publishes it may go on, and nobody reads it" : "";
    return [
      {
        id: "dags-left",
        level: isServed ? "notice" : "warning",
        where: { file: stack.file, line: 1, column: 1 },
        what: `The stack file has no DAGs of ${location} any more, which release ${id} has. ${goes} Its versions and its pointer stay below ${prefix} in the bucket${published}. A run of it that is still in the queue then finds no code of its version.`,
        fix: `Let its runs come to an end first, and turn its schedules and sensors off. Remove what lies below ${prefix} when no release that you may go back to has it.`,
      },
    ];
  });
}

/**
 * An image cannot be another one for those of its services and runs that are named alone: a release has one of each.
 * @throws UserError
 */
export function checkShared(
  stack: Stack,
  scope: Stack,
  { current, images }: Pick<Observation, "current" | "images">,
): void {
  for (const { key, place } of Object.values(scope.images)) {
    const digest = images[key]?.digest ?? null;
    const others = leftWith(key, stack, scope);
    if (others.length === 0 || (digest !== null && digest === current?.images[key]?.digest)) continue;
    throw new UserError({
      what: `Image ${key} is another one than the released, and ${others.join(" and ")} would go on with that: ${others.length === 1 ? "it is" : "they are"} not named under \`only\`.`,
      where: place,
      fix: `Name the image, \`${key}\`: that names all that runs it. Or give what changes an image of its own.`,
    });
  }
}

/** Who runs an image of the scope, and is not in it. */
function leftWith(image: string, stack: Stack, scope: Stack): readonly string[] {
  const services = Object.values(stack.services).filter(({ key }) => !Object.hasOwn(scope.services, key));
  const inScope = new Set(runsOf(scope).map(({ location }) => location));
  const runs = runsOf(stack).filter(({ location }) => !inScope.has(location));
  return [
    ...services.flatMap(({ key, image: its }) => (its === image ? [`service ${key}`] : [])),
    ...runs.flatMap(({ location, image: its }) => (its === image ? [`runs of location ${location}`] : [])),
  ];
}

/** What a partial release leaves alone must be as the current release says: the record says that it is. */
function checkKept(stack: Stack, scope: Stack, observation: Observation): readonly Finding[] {
  return movedOf(stack, observation).flatMap(({ key, service, now }): Finding[] => {
    if (Object.hasOwn(scope.services, successorOf(key) ?? key)) return [];
    return [
      {
        id: "kept-service-moved",
        level: "error",
        where: service?.place ?? { file: stack.file, line: 1, column: 1 },
        what: `A release that was cut, or failed, has moved ${shownName(key, now.name)}, and this one is about other components only: it would leave it so.`,
        fix: "Deploy the whole stack, or roll back to the current release, before a part of it is released.",
      },
    ];
  });
}

/** What runs says for whom it was released: two environments that release to one service undo each other, each under its own lock. */
function checkOwners(scope: Stack, { definitions }: Observation): readonly Finding[] {
  return Object.values(scope.services).flatMap(({ key, service, place }): Finding[] => {
    const running = definitions[`service/${key}`]?.running ?? null;
    if (running === null || running.madeFor === null || isMadeFor(running, scope)) return [];
    const { madeFor } = running;
    return [
      {
        id: "contract-shared",
        level: "error",
        where: place,
        what: `ECS service ${service} runs what environment ${madeFor.environment} of stack ${madeFor.stack} has released: ${scope.environment} of ${scope.name} would release to the same service, under a lock and records of its own.`,
        fix: "Give each environment the contract of its own infrastructure. When that one is gone, or has another name now, lower this check under `checks:` for one release.",
      },
    ];
  });
}

/** An image that another repository has made would be made of this one. */
function checkSources(scope: Stack, { current, images, source, promoted }: Observation): readonly Finding[] {
  if (promoted !== null) return [];
  return Object.values(scope.images).flatMap(({ key, place }): Finding[] => {
    const [former, plan] = [current?.images[key], images[key]];
    if (former === undefined || plan === undefined || former.contentKey === plan.contentKey) return [];
    if (former.source.repository === source.repository) return [];
    return [
      {
        id: "image-source",
        level: "warning",
        where: place,
        what: `Image ${key} that is current was made of ${former.source.repository}; this release makes it of ${source.repository}.`,
        fix: `When ${former.source.repository} releases it, leave it to that: name under \`only\` what is released from here.`,
      },
    ];
  });
}

/** The release that is promoted was committed, and so proved; whether it still runs there is another question. */
function checkPromoted({ promoted }: Observation): readonly Finding[] {
  return (promoted?.unfinished ?? []).map((id) => ({
    id: "promoted-unfinished",
    level: "warning",
    where: `release ${id} of ${promoted?.environment ?? ""}`,
    what: `In ${promoted?.environment ?? ""} this release is under way, was cut, or could not be taken back. What is promoted is ${promoted?.release.id ?? ""}, which was committed.`,
    fix: "Nothing to do when that one is meant. Otherwise wait until the other has come to its end, and promote it then.",
  }));
}
