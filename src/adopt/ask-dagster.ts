import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { locations } from "../dagster/documents.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { serverInfo } from "../gates/webserver.ts";
import { literalPort, type WrittenLocation } from "./read-checkout.ts";

/** What Dagster itself tells, as far as it answers. */
export interface AskedDagster {
  readonly locations: readonly WrittenLocation[] | null;
  /** Of the webserver. */
  readonly version: string | null;
  /** Why it told nothing; null: it did, or nobody knows where it is. */
  readonly silent: string | null;
}

/** Asks a webserver once. That it does not answer keeps nobody from going on. @param dagster null: nobody knows where it is */
export async function askDagster(dagster: Dagster | null): Promise<AskedDagster> {
  if (dagster === null) return { locations: null, version: null, silent: null };
  try {
    const info = serverInfo.safeParse(await dagster.serverInfo());
    const version = info.success ? info.data.dagster_webserver_version : null;
    const { workspaceOrError: workspace } = await dagster.ask(locations, {});
    if (!("locationEntries" in workspace)) return { locations: null, version, silent: "its workspace did not load" };
    const found = workspace.locationEntries.map(({ name, displayMetadata }): WrittenLocation => {
      const said = (key: string): string | null => displayMetadata.find((one) => one.key === key)?.value ?? null;
      const host = said("host");
      return { name, server: host === null ? null : { host, port: literalPort(said("port")) } };
    });
    return { locations: found, version, silent: null };
  } catch (error) {
    if (!(error instanceof DagsterUnreachable || error instanceof UserError)) throw error;
    return { locations: null, version: null, silent: messageOf(error) };
  }
}
