import { type DagsList, dagsListName, dagsListSchema, dagsLists, listOf, listVersion } from "../../domain/dags-list.ts";
import { UserError } from "../../domain/errors.ts";
import { instant } from "../../domain/identifiers.ts";
import type { Step } from "../../domain/plan.ts";
import { listStore } from "../observe/list.ts";
import type { Workshop } from "../workshop.ts";
import type { Done } from "./done.ts";

/** Writes the list of locations, when it is what the plan saw. @throws UserError `superseded`, AwsError, Cancelled */
export async function writeList(
  {
    clients,
    context,
    stack,
    page,
    release,
    checkLock,
  }: Pick<Workshop, "clients" | "context" | "stack" | "page" | "release" | "checkLock">,
  { from, version }: Extract<Step, { kind: "list" }>,
): Promise<Done> {
  const locations = listOf(release);
  if (locations === null || listVersion(locations) !== version) throw new Error("the release has another list");
  await checkLock();
  const [store, key] = [listStore(clients.s3, stack), dagsListName(stack)];
  const now = await store.read(key, dagsListSchema);
  const said = `webserver and daemon are to load ${Object.keys(locations).join(", ")}`;
  if (now?.value.version === version) return { results: {}, parts: {}, said };
  const at = instant(context.clock.now());
  const list = nextList(now?.value ?? null, { locations, source: release.source, run: page, at });
  const isSame = (now?.etag ?? null) === (from?.etag ?? null);
  const etag = !isSame ? null : now === null ? await store.create(key, list) : await store.replace(key, list, now.etag);
  if (etag === null) throw lostList(`s3://${store.name}/${dagsLists}${key}`);
  return { results: {}, parts: {}, said };
}

/** What follows a list: locations that it does not name any more are kept as left. */
export function nextList(
  before: DagsList | null,
  { locations, ...by }: Pick<DagsList, "locations" | "source" | "run" | "at">,
): DagsList {
  const known = Object.entries({ ...before?.left, ...before?.locations });
  const left = Object.fromEntries(known.filter(([name]) => locations[name] === undefined));
  const version = listVersion(locations);
  return { schema: 1, version, locations, left, previous: before?.version ?? null, ...by };
}

function lostList(where: string): UserError {
  return new UserError(
    {
      what: "Since this was planned somebody else has written the list of locations that webserver and daemon load.",
      where,
      fix: "Find out who: the object names commit and run. Nothing of it was changed. Deploy again, which starts from what is there.",
    },
    { kind: "superseded" },
  );
}
