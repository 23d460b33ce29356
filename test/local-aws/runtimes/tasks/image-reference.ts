/** An image as a task definition names it, split. The registry's host is dropped: here is one registry. */
export interface ImageReference {
  /** As it was written. */
  readonly text: string;
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

const name = /^(?<host>[\w.-]+(?::\d+)?)\/(?<repository>[a-z0-9._/-]+)/;
const form = new RegExp(`${name.source}(?::(?<tag>[\\w.-]{1,128}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`);

/** @returns null when the text has no registry host: images of public registries are not here. */
export function parseImageReference(text: string): ImageReference | null {
  const { host = "", repository, tag = null, digest = null } = form.exec(text)?.groups ?? {};
  if (repository === undefined || !/[.:]/.test(host)) return null;
  return { text, repository, tag: tag ?? (digest === null ? "latest" : null), digest };
}
