import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** How two commits stand to each other: what `git` would say of `base...head`. */
export type Comparison = "ahead" | "behind" | "identical" | "diverged" | "not found";

export interface FakeGithub {
  /** For GITHUB_API_URL. */
  readonly url: string;
  /** `GET /repos/…`, oldest first. */
  readonly requests: readonly { readonly route: string; readonly authorization: string }[];
  close(): Promise<void>;
}

/**
 * GitHub's API, as far as the product uses it. Requests and answers are held against GitHub's own OpenAPI description: what the
 * description does not know is refused, and an answer that breaks it is a bug of this fake and comes as HTTP 500.
 */
export async function startFakeGithub(compare: (base: string, head: string) => Comparison): Promise<FakeGithub> {
  const requests: { route: string; authorization: string }[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const url = new URL(request.url ?? "/", "http://localhost");
    requests.push({
      route: `${request.method ?? ""} ${url.pathname}`,
      authorization: request.headers.authorization ?? "",
    });
    const { status, body } = answer(request.method ?? "", url, compare);
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise((done) => server.close(() => done())),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const description = JSON.parse(readFileSync(join(import.meta.dirname, "api.github.com.json"), "utf8")) as object;
const ajv = new Ajv.default({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(description, "github");

const comparePath = "/repos/{owner}/{repo}/compare/{basehead}";
const knownQuery = new Set(["page", "per_page"]);

function answer(method: string, url: URL, compare: (base: string, head: string) => Comparison): Answer {
  const [, owner, repo, basehead] = /^\/repos\/([^/]+)\/([^/]+)\/compare\/(.+)$/.exec(url.pathname) ?? [];
  if (method !== "GET" || owner === undefined || repo === undefined || basehead === undefined) return notFound;
  const unknown = [...url.searchParams.keys()].filter((name) => !knownQuery.has(name));
  if (unknown.length > 0) return { status: 422, body: { message: `unknown query: ${unknown.join(", ")}` } };
  const [base = "", head = ""] = decodeURIComponent(basehead).split("...");
  const status = compare(base, head);
  return checked(
    status === "not found"
      ? notFound
      : { status: 200, body: comparison(`https://api.github.com/repos/${owner}/${repo}`, base, head, status) },
  );
}

const notFound: Answer = {
  status: 404,
  body: { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" },
};

function checked(given: Answer): Answer {
  if (given.status !== 200) return given;
  const pointer = `github#/paths/${comparePath.replaceAll("/", "~1")}/get/responses/200/content/application~1json/schema`;
  const validate = ajv.getSchema(pointer);
  if (validate === undefined) throw new Error(`the description has no ${pointer}`);
  if (validate(given.body) === true) return given;
  return {
    status: 500,
    body: {
      message: "this fake answered what GitHub's description does not allow",
      errors: validate.errors?.slice(0, 3),
    },
  };
}

function comparison(api: string, base: string, head: string, status: Exclude<Comparison, "not found">): unknown {
  const ahead = status === "ahead" || status === "diverged" ? 1 : 0;
  const behind = status === "behind" || status === "diverged" ? 1 : 0;
  return {
    url: `${api}/compare/${base}...${head}`,
    html_url: `https://github.com/o/r/compare/${base}...${head}`,
    permalink_url: `https://github.com/o/r/compare/o:${base}...o:${head}`,
    diff_url: `https://github.com/o/r/compare/${base}...${head}.diff`,
    patch_url: `https://github.com/o/r/compare/${base}...${head}.patch`,
    base_commit: commit(api, base),
    merge_base_commit: commit(api, base),
    status,
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: ahead === 0 ? [] : [commit(api, head)],
    files: [],
  };
}

function commit(api: string, sha: string): unknown {
  const person = { name: "Mona", email: "mona@example.com", date: "2026-11-21T10:00:00Z" };
  return {
    url: `${api}/commits/${sha}`,
    sha,
    node_id: "C_1",
    html_url: `https://github.com/o/r/commit/${sha}`,
    comments_url: `${api}/commits/${sha}/comments`,
    commit: {
      url: `${api}/git/commits/${sha}`,
      author: person,
      committer: person,
      message: "A commit",
      comment_count: 0,
      tree: { sha, url: `${api}/git/trees/${sha}` },
    },
    author: null,
    committer: null,
    parents: [],
  };
}
