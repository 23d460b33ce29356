/** What became of the list of locations after a release that has failed. */
export interface ListBack {
  /** Locations that webserver and daemon are to load now; null: it could not be seen. */
  readonly locations: readonly string[] | null;
  /** null: it is what the current release says; or, where that says nothing, what harms nobody. */
  readonly why: string | null;
}

/** For the log and the summary. */
export function wordsOfList({ locations, why }: ListBack): string {
  const now = locations === null ? "it is not known what they are to load" : `they are to load ${locations.join(", ")}`;
  return why === null
    ? `The list of locations is as before for webserver and daemon: ${now}.`
    : `The list of locations is not seen to be as before for webserver and daemon: ${now}. ${why}`;
}
