import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import type { Source } from "../domain/release.ts";
import { type ImageClients, planCopy, planMaking } from "../images/index.ts";
import { readScripts } from "../migrations/read-scripts.ts";
import { pathInCheckout } from "../stack/findings.ts";
import type { Stack } from "../stack/index.ts";
import { refusal } from "../stack/problems.ts";
import type { Clients } from "./connections.ts";
import { existingProblems, liveDefinitions, withNames } from "./existing.ts";
import type { History } from "./history.ts";
import { isAskable, type Observation } from "./observation.ts";
import { observeList } from "./observe/list.ts";
import { observeLocations, type ObservedDags } from "./observe/dags.ts";
import { observeDefinitions } from "./observe/definitions.ts";
import { readDefinitionFiles, readRegisteredDefinitions } from "./observe/existing.ts";
import { type About, defaultWorkdir, keepableImages, lookAtImages, type ObservedImages } from "./observe/images.ts";
import { readInstanceFile } from "./observe/instance.ts";
import { observeModules } from "./observe/modules.ts";
import { parameterNames } from "./observe/parameters.ts";
import { noteInstigators } from "./observe/instigators.ts";
import { observeBefore, observeServicesByKey } from "./observe/services.ts";
import { observeTagged, withDigests } from "./observe/tagged.ts";

/** What observation reads, and what applying needs of it again. */
export interface Observed extends ObservedImages {
  readonly observation: Observation;
  /** The code of locations in the checkout, by location. */
  readonly dags: ObservedDags["checkouts"];
  /** Versions that another environment has, and this one has not, by location. */
  readonly dagsCopies: ObservedDags["copies"];
}

/**
 * Reads all that a plan is made of. Changes nothing.
 * @param dagster the webserver; null: it is not asked
 */
export async function observe(
  clients: Clients,
  imageClients: ImageClients,
  context: Context,
  stack: Stack,
  checkout: { readonly root: string; readonly source: Source },
  history: Pick<History, "currentRelease" | "rolledIn" | "unfinished"> & Pick<Observation, "releasing">,
  about: About,
  dagster: Dagster | null,
): Promise<Observed> {
  const current = history.currentRelease;
  const { scope, promotion } = about;
  const [
    services,
    { images, copies },
    parameters,
    scripts,
    files,
    registered,
    instanceFile,
    missingModules,
    dags,
    list,
  ] = await Promise.all([
    observeServicesByKey(clients, stack, history),
    lookAtImages(imageClients, context, about, checkout, current),
    parameterNames(clients, scope),
    // The checkout has nothing to say of images that were made elsewhere.
    promotion === null ? migrationScripts(scope, checkout.root) : {},
    readDefinitionFiles(scope, checkout.root),
    readRegisteredDefinitions(clients, scope),
    readInstanceFile(scope, checkout.root),
    promotion === null ? observeModules(scope, checkout.root) : {},
    observeLocations(clients.s3, context, stack, checkout, history, about),
    observeList(clients.s3, stack, current),
  ]);
  const before = await observeBefore(clients, services, history);
  const read = { ...files.existing, ...registered };
  const [definitions, instigators] = await Promise.all([
    observeDefinitions(
      clients,
      withNames(scope, { existing: read, definitions: {}, services }),
      services,
      before,
      current,
    ),
    noteInstigators(isAskable(stack, { services }) ? dagster : null, context, history),
  ]);
  const tagged = await observeTagged(clients, imageClients, scope, { services, definitions }, current);
  const existing = { ...read, ...liveDefinitions(scope, definitions) };
  const problems = existingProblems(scope, existing);
  if (problems.length > 0) throw refusal(problems);
  const plans = Object.fromEntries([
    ...Object.entries(images).map(([key, image]) => [key, planMaking(image)] as const),
    ...Object.entries(copies).map(([key, copy]) => [key, planCopy(copy)] as const),
  ]);
  // What is promoted says of each service which image it runs.
  const keepable = promotion === null ? await keepableImages(imageClients, scope, current, plans) : {};
  const observation = {
    source: checkout.source,
    releasing: history.releasing,
    current,
    rolledIn: history.rolledIn,
    services,
    before: withDigests(before, tagged),
    definitions,
    images: plans,
    tagged,
    keepable,
    parameters,
    existing,
    environmentFile: files.environmentFile,
    instanceFile,
    missingModules,
    promoted: promotion,
    scripts,
    sql: {},
    dagsterDefinitions: {},
    instigators,
    dags: dags.locations,
    ...list,
  };
  return { observation, images, copies, dags: dags.checkouts, dagsCopies: dags.copies };
}

/** What alembic will find in images of layers: a Dockerfile does not say where it copies what. */
async function migrationScripts({ migrations, images }: Stack, root: string): Promise<Observation["scripts"]> {
  const found = await Promise.all(
    migrations.map(async ({ name, tool, image, workdir }) => {
      const building = images[image]?.building;
      if (tool !== "alembic" || building?.kind !== "layers") return [];
      const pathOf = (path: string): string | null => pathInCheckout(building, path);
      const folder = workdir ?? building.workdir ?? defaultWorkdir;
      return [[name, await readScripts({ root, pathOf }, folder)] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}
