import { UserError } from "../domain/errors.ts";
import { keySchema } from "../domain/identifiers.ts";
import { notRun, type Release } from "../domain/release.ts";
import { quote, suggest } from "../stack/problems.ts";
import type { RunProcess, Service, Stack } from "../stack/stack.ts";
import { locationsServedBy } from "./hosts.ts";

/**
 * The stack with nothing in it but what a release is about: what it builds, migrates, registers and rolls.
 *
 * Naming an image names all that runs it: services, runs, migrations. Naming a service names its locations, and naming a location
 * whatever serves it; their images are then made for them, and the migrations of these images go along: code never comes before its
 * migrations.
 *
 * @param only keys of services, images and migrations, and names of locations; null: the whole stack
 * @throws UserError for a name that is none
 */
export function scopeOf(stack: Stack, only: Release["only"]): Stack {
  if (only === null) return stack;
  const chosen = chosenBy(stack, only);
  const chosenImages = imagesOf(stack, chosen);
  const migrations = stack.migrations.filter(({ image }) => chosenImages.has(image));
  return {
    ...stack,
    images: pick(stack.images, (key) => chosenImages.has(key)),
    services: pick(stack.services, (key) => chosen.services.has(key)),
    runs: withRuns(stack, (location) => chosen.locations.has(location)),
    migrations,
    dags: pick(stack.dags, (location) => chosen.locations.has(location)),
  };
}

/**
 * The release with the parts that it keeps of its base: all that its scope does not hold, components that the stack file does not
 * have any more among them.
 * @param base what is current
 */
export function withBase(scope: Stack, base: Release | null, release: Release): Release {
  if (release.only === null || base === null) return release;
  const made = namesIn(scope);
  const mix = <T>(
    former: Readonly<Record<string, T>>,
    own: Readonly<Record<string, T>>,
    names: ReadonlySet<string>,
  ) => ({
    ...pick(former, (key) => !names.has(key)),
    ...pick(own, (key) => names.has(key)),
  });
  return {
    ...release,
    images: mix(base.images, release.images, made.images),
    kept: mix(base.kept, release.kept, made.services),
    taskDefinitions: mix(base.taskDefinitions, release.taskDefinitions, made.definitions),
    migrations: mix(notRun(base.migrations), release.migrations, made.migrations),
    dags: mix(base.dags, release.dags, made.dags),
  };
}

/** The stack without services that are neither in a release's scope nor were ever released: there is nobody to ask for them. */
export function withoutUnreleased(stack: Stack, scope: Stack, { taskDefinitions }: Release): Stack {
  const services = pick(stack.services, (key) => {
    return Object.hasOwn(scope.services, key) || Object.hasOwn(taskDefinitions, `service/${key}`);
  });
  return { ...stack, services };
}

interface Chosen {
  /** Those that are named themselves. */
  readonly images: Set<string>;
  readonly services: Set<string>;
  readonly locations: Set<string>;
  readonly migrations: Set<string>;
}

function chosenBy(stack: Stack, only: readonly string[]): Chosen {
  const chosen: Chosen = { images: new Set(), services: new Set(), locations: new Set(), migrations: new Set() };
  const services = Object.values(stack.services);
  const addService = (service: Service): void => {
    if (chosen.services.has(service.key)) return;
    chosen.services.add(service.key);
    for (const location of locationsServedBy(service)) addLocation(location);
  };
  const addLocation = (location: string): void => {
    if (chosen.locations.has(location)) return;
    chosen.locations.add(location);
    for (const service of services) if (locationsServedBy(service).includes(location)) addService(service);
  };
  const names = namesOf(stack);
  for (const name of only) {
    if (!names.has(name)) throw unknownName(name, names);
    if (Object.hasOwn(stack.images, name)) {
      chosen.images.add(name);
      for (const service of services) if (imagesOfTask(service).includes(name)) addService(service);
      for (const { location, image } of runsOf(stack)) if (image === name) addLocation(location);
    }
    for (const service of services) {
      if (service.key === name || locationsServedBy(service).includes(name)) addService(service);
    }
    if (stack.migrations.some((migration) => migration.name === name)) chosen.migrations.add(name);
  }
  return chosen;
}

/** Its own, and those of its sidecars; of nginx in front of it, too. */
function imagesOfTask(task: Service | RunProcess): readonly string[] {
  const nginx = "kind" in task && task.kind === "webserver" && task.auth !== null ? [task.auth.image] : [];
  const sidecars = Object.values(task.sidecars).flatMap(({ image }) => (image.kind === "own" ? [image.key] : []));
  return [task.image, ...nginx, ...sidecars];
}

function imagesOf(stack: Stack, { images, services, locations, migrations }: Chosen): ReadonlySet<string> {
  return new Set([
    ...images,
    ...Object.values(stack.services).flatMap((service) => (services.has(service.key) ? imagesOfTask(service) : [])),
    ...runsOf(stack).flatMap((run) => (locations.has(run.location) ? imagesOfTask(run) : [])),
    ...stack.migrations.flatMap(({ name, image }) => (migrations.has(name) ? [image] : [])),
  ]);
}

/** What can be named. A location whose name a release cannot hold is named by its service. */
function namesOf(stack: Stack): ReadonlySet<string> {
  const all = [
    ...Object.keys(stack.services),
    ...Object.keys(stack.images),
    ...stack.migrations.map(({ name }) => name),
    ...Object.values(stack.services).flatMap(locationsServedBy),
  ];
  return new Set(all.filter((name) => keySchema.safeParse(name).success));
}

function unknownName(name: string, names: ReadonlySet<string>): UserError {
  return new UserError({
    what: `${quote(name)} is no service, image, migration or location of the stack.`,
    where: "input only",
    fix: `${suggest(name, names, "The stack file describes nothing.")}${name.includes(",") ? " Write several one a line." : ""}`,
  });
}

function namesIn({
  images,
  services,
  runs,
  migrations,
  dags,
}: Stack): Readonly<Record<"images" | "services" | "definitions" | "migrations" | "dags", ReadonlySet<string>>> {
  return {
    images: new Set(Object.keys(images)),
    services: new Set(Object.keys(services)),
    definitions: new Set([
      ...Object.keys(images).map((key) => `once/${key}`),
      ...Object.keys(services).map((key) => `service/${key}`),
      ...(runs.kind === "ecs" ? Object.values(runs.definitions).map(({ key }) => `run/${key}`) : []),
    ]),
    migrations: new Set(migrations.map(({ name }) => name)),
    dags: new Set(Object.keys(dags)),
  };
}

/** Runs that are tasks of their own, of all locations. */
export function runsOf({ runs }: Stack): readonly RunProcess[] {
  return runs.kind === "ecs" ? Object.values(runs.definitions) : [];
}

function withRuns({ runs }: Stack, keep: (location: string) => boolean): Stack["runs"] {
  return runs.kind === "ecs" ? { ...runs, definitions: pick(runs.definitions, keep) } : runs;
}

function pick<T>(record: Readonly<Record<string, T>>, keep: (key: string) => boolean): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => keep(key)));
}
