import { readFolder } from "../dags/index.ts";
import type { Context } from "../domain/context.ts";
import { dagsPrefix } from "../domain/dags.ts";
import { type Place, UserError } from "../domain/errors.ts";
import { type Publishing, webserverOf } from "./asked-dags.ts";
import type { Clients, Connections } from "./connections.ts";
import type { Compare } from "./follows.ts";
import { someOf } from "./some-of.ts";
import { syncDags, type Synced } from "./sync-dags.ts";

/** Who publishes, and from where. */
export interface Publisher {
  /** The checkout. */
  readonly root: string;
  /** `owner/name` of the repository that is checked out. */
  readonly repository: string;
  /** Page of the run that publishes it; null on somebody's own machine. */
  readonly run: string | null;
  /** false: only the plan. */
  readonly writes: boolean;
  readonly compare: Compare | null;
  /** Where the folder is named. */
  readonly place: Place | string;
}

/**
 * Brings the code of one location from the checkout to S3, or readers back to an earlier version.
 * @throws UserError when something stops it, before its first write
 */
export async function syncCheckout(
  context: Context,
  connections: Connections,
  clients: Clients,
  given: Publishing,
  publisher: Publisher,
): Promise<Synced> {
  const { root, repository, run, writes, compare, place } = publisher;
  const { location, directory, lock } = given;
  const local = { location, root, directory, place, lock };
  const looking = connections.history.checkout(root);
  // While git looks at the checkout, which takes as long. What is wrong with the folder is told after what git says.
  const folder = given.to === null ? readFolder(context, local) : null;
  folder?.catch(() => undefined);
  const checkout = await looking;
  if (writes && given.to === null && !given["allow-dirty"]) checkClean(checkout.changedFiles, directory, place);
  return syncDags(context, connections, clients, {
    dags: {
      ...local,
      validate:
        given.module === null || given.validate === "off"
          ? null
          : { module: given.module, isRequired: given.validate === "on" },
      source: { repository, sha: checkout.head },
      run,
    },
    folder,
    bucket: given.bucket,
    prefix: given.prefix ?? dagsPrefix(location),
    layout: given.layout,
    mirrorPrefix: given["mirror-prefix"] ?? given.prefix ?? dagsPrefix(location),
    retention:
      given["keep-versions"] === null
        ? null
        : { keep: Number(given["keep-versions"]), keepDays: Number(given["keep-days"]) },
    to: given.to,
    writes,
    allowed: given.allow,
    webserver: webserverOf(given),
    timeoutSeconds: given.timeout,
    allowDivergent: given["allow-divergent"],
    compare,
  });
}

/** @throws UserError when a file that would be published differs from its commit */
function checkClean(changedFiles: readonly string[], directory: string, place: Place | string): void {
  const below = directory === "." ? "" : `${directory.replace(/\/$/, "")}/`;
  const changed = changedFiles.filter((path) => path.startsWith(below));
  if (changed.length === 0) return;
  throw new UserError({
    what: `${directory} differs from the commit in ${someOf(changed)}: the version would name a commit that it is not of.`,
    where: place,
    fix: "Commit them; or let git ignore what earlier steps of the job have made, where it is not to be published. For a trial: `allow-dirty: true`.",
  });
}
