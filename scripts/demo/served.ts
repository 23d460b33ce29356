import * as z from "zod";

/** One look at the code location through the webserver. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The image that its code server names; null when it is broken or nobody answers. */
  readonly image: string | null;
}

/** Looks at a code location all the time, as a person with the page open would. */
export interface Watcher {
  readonly looks: readonly Look[];
  /** The first look of the unbroken row, up to now, that saw this image; null when the last look did not. */
  servedSince(image: string): number | null;
  stop(): Promise<void>;
}

const answerSchema = z.object({
  data: z.object({
    workspaceOrError: z.object({
      locationEntries: z.array(
        z.object({
          name: z.string(),
          displayMetadata: z.array(z.object({ key: z.string(), value: z.string() })),
          locationOrLoadError: z.object({ __typename: z.string() }).nullable(),
        }),
      ),
    }),
  }),
});

const query =
  "{ workspaceOrError { ... on Workspace { locationEntries { name displayMetadata { key value } locationOrLoadError { __typename } } } } }";

export function watchLocation(webserverUrl: string, location: string, everyMilliseconds = 200): Watcher {
  const looks: Look[] = [];
  const ended = new AbortController();
  const watching = (async () => {
    while (!ended.signal.aborted) {
      looks.push({ image: await servedImage(webserverUrl, location), at: Date.now() });
      await new Promise((next) => setTimeout(next, everyMilliseconds));
    }
  })();
  return {
    looks,
    servedSince: (image) => {
      const lastOther = looks.findLastIndex((look) => look.image !== image);
      return looks[lastOther + 1]?.at ?? null;
    },
    stop: () => {
      ended.abort();
      return watching;
    },
  };
}

/** null: nobody answers, or the location does not load. */
export async function servedImage(webserverUrl: string, location: string): Promise<string | null> {
  try {
    const response = await fetch(`${webserverUrl}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(5000),
    });
    const { data } = answerSchema.parse(await response.json());
    const entry = data.workspaceOrError.locationEntries.find(({ name }) => name === location);
    if (entry?.locationOrLoadError?.__typename !== "RepositoryLocation") return null;
    return entry.displayMetadata.find(({ key }) => key === "image")?.value ?? null;
  } catch {
    return null;
  }
}
