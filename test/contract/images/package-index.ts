import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { listen } from "../../loopback.ts";

/** An index of packages on loopback, with hashes. */
export interface PackageIndex {
  /** `http://127.0.0.1:1234/simple` */
  readonly url: string;
  /** Who asked, for what. */
  readonly seen: string[];
  close(): Promise<void>;
}

/**
 * Serves wheels and source archives of a folder.
 * @param password of the user `reader`; null: anybody may read
 * @see https://packaging.python.org/en/latest/specifications/simple-repository-api/
 */
export async function startPackageIndex(folder: string, password: string | null = null): Promise<PackageIndex> {
  const seen: string[] = [];
  const wanted = password === null ? null : `Basic ${Buffer.from(`reader:${password}`).toString("base64")}`;
  const pageOf = async (project: string): Promise<string | null> => {
    const links: string[] = [];
    for (const name of (await readdir(folder)).sort()) {
      if (normalized(name.split("-", 1)[0] ?? "") !== project) continue;
      const hash = createHash("sha256")
        .update(await readFile(join(folder, name)))
        .digest("hex");
      links.push(`<a href="/files/${name}#sha256=${hash}">${name}</a>`);
    }
    return links.length === 0 ? null : `<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`;
  };
  const answer = async (path: string): Promise<Buffer | null> => {
    const [, project] = /^\/simple\/([^/]+)\/$/.exec(path) ?? [];
    if (project !== undefined) {
      const page = await pageOf(project);
      return page === null ? null : Buffer.from(page);
    }
    const [, file] = /^\/files\/([\w.+-]+)$/.exec(path) ?? [];
    return file === undefined ? null : readFile(join(folder, file));
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    seen.push(`${request.headers.authorization === undefined ? "nobody" : "reader"} ${path}`);
    if (wanted !== null && request.headers.authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="packages"' }).end();
      return;
    }
    answer(path).then(
      (body) => {
        if (body === null) response.writeHead(404).end();
        else
          response.writeHead(200, { "content-type": path.endsWith("/") ? "text/html" : "application/zip" }).end(body);
      },
      () => response.writeHead(500).end(),
    );
  });
  const { url, close } = await listen(server);
  return {
    url: `${url}/simple`,
    seen,
    close,
  };
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}
