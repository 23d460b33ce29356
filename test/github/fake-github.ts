import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { comparison, diffEntry, issueComment, workflowRun } from "./bodies.ts";
import { listen } from "../loopback.ts";

/** How two commits stand to each other: what `git` would say of `base...head`. */
export type Comparison = "ahead" | "behind" | "identical" | "diverged";

/** https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository, but for what are conclusions */
export type RunStatus = "requested" | "waiting" | "pending" | "queued" | "in_progress" | "completed";

/** In the place of an answer: as GitHub refuses, or is down. */
export type Refusal = "not found" | "forbidden" | "server error";

export interface FakeComment {
  readonly id: number;
  /** null: whoever wrote it is gone. */
  readonly login: string | null;
  body: string;
}

export interface FakeFile {
  readonly filename: string;
  /** Left out where GitHub shows none: a picture, or a large change. */
  readonly patch?: string;
}

/** A pull request, with what is written on it; changed by what is asked. */
export interface FakePullRequest {
  readonly comments: FakeComment[];
  readonly files?: readonly FakeFile[] | Refusal;
  /** Who the token writes as; a refusal where it may only read. */
  readonly writer?: { readonly login: string } | Refusal;
}

/** What the repository is like; it knows nothing of what is left out. */
export interface FakeRepository {
  readonly compare?: (base: string, head: string) => Comparison | Refusal;
  readonly run?: (id: number) => RunStatus | null | Refusal;
  readonly pullRequest?: (number: number) => FakePullRequest | undefined;
}

export interface FakeGithub {
  /** For GITHUB_API_URL. */
  readonly url: string;
  /** `GET /repos/…`, oldest first. */
  readonly requests: readonly { readonly route: string; readonly authorization: string }[];
  /** Calls this after each answer was made, before it is given. */
  onAnswer(listener: (route: string) => void): void;
  close(): Promise<void>;
}

/**
 * GitHub's API, as far as the product uses it. Requests and answers are held against GitHub's own OpenAPI description: what the
 * description does not know is refused, and an answer that breaks it is a bug of this fake and comes as HTTP 500.
 */
export async function startFakeGithub(repository: FakeRepository): Promise<FakeGithub> {
  const requests: { route: string; authorization: string }[] = [];
  let listener: (route: string) => void = () => undefined;
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      const host = `http://${request.headers.host ?? ""}`;
      const url = new URL(request.url ?? "/", host);
      requests.push({
        route: `${request.method ?? ""} ${url.pathname}`,
        authorization: request.headers.authorization ?? "",
      });
      const given = answer({ method: (request.method ?? "").toLowerCase(), url, body }, repository);
      listener(`${request.method ?? ""} ${url.pathname}`);
      response.writeHead(given.status, {
        "content-type": "application/json; charset=utf-8",
        ...(given.link === undefined ? {} : { link: given.link }),
      });
      response.end(given.body === null ? undefined : JSON.stringify(given.body));
    })();
  });
  const { url, close } = await listen(server);
  return {
    url,
    requests,
    onAnswer: (next) => {
      listener = next;
    },
    close,
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? null : JSON.parse(text);
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: unknown;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly link?: string;
}

const refusals: Readonly<Record<Refusal, Answer>> = {
  "not found": refusal(404, "Not Found"),
  forbidden: refusal(403, "Resource not accessible by integration"),
  "server error": refusal(502, "Server Error"),
};

function refusal(status: number, message: string): Answer {
  return { status, body: { message, documentation_url: "https://docs.github.com/rest", status: String(status) } };
}

/** One operation of the description, and how it is answered. */
interface Operation {
  readonly method: "delete" | "get" | "patch" | "post";
  readonly path: string;
  readonly pattern: RegExp;
  readonly query: readonly string[];
  /** @param asked what the pattern has found after the repository */
  readonly answer: (api: string, asked: string, repository: FakeRepository, call: Asked) => Answer | Refusal;
}

const paging = ["page", "per_page"];

const operations: readonly Operation[] = [
  {
    method: "get",
    path: "/repos/{owner}/{repo}/compare/{basehead}",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/compare\/(.+)$/,
    query: paging,
    answer: (api, basehead, { compare = () => "not found" }) => {
      const [base = "", head = ""] = decodeURIComponent(basehead).split("...");
      const status = compare(base, head);
      return isRefusal(status) ? status : { status: 200, body: comparison(api, base, head, status) };
    },
  },
  {
    method: "get",
    path: "/repos/{owner}/{repo}/actions/runs/{run_id}",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)$/,
    query: ["exclude_pull_requests"],
    answer: (api, id, { run = () => "not found" }) => {
      const status = run(Number(id));
      return isRefusal(status) ? status : { status: 200, body: workflowRun(api, Number(id), status) };
    },
  },
  {
    method: "get",
    path: "/repos/{owner}/{repo}/pulls/{pull_number}/files",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/pulls\/(\d+)\/files$/,
    query: paging,
    answer: (api, number, { pullRequest }, { url }) => {
      const files = pullRequest?.(Number(number))?.files ?? "not found";
      if (typeof files === "string") return files;
      return page(
        url,
        files.map((file) => diffEntry(api, file)),
      );
    },
  },
  {
    method: "get",
    path: "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/issues\/(\d+)\/comments$/,
    query: [...paging, "since"],
    answer: (api, number, { pullRequest }, { url }) => {
      const comments = pullRequest?.(Number(number))?.comments;
      if (comments === undefined) return "not found";
      return page(
        url,
        comments.map((comment) => issueComment(api, Number(number), comment)),
      );
    },
  },
  {
    method: "post",
    path: "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/issues\/(\d+)\/comments$/,
    query: [],
    answer: (api, number, { pullRequest }, { body }) => {
      const { comments, writer = "forbidden" } = pullRequest?.(Number(number)) ?? {};
      if (comments === undefined) return "not found";
      if (typeof writer === "string") return writer;
      const { body: text } = body as { readonly body: string };
      if (text.length > 65_536) return tooLong;
      const comment = { id: 1 + Math.max(0, ...comments.map(({ id }) => id)), login: writer.login, body: text };
      comments.push(comment);
      return { status: 201, body: issueComment(api, Number(number), comment) };
    },
  },
  {
    method: "patch",
    path: "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/issues\/comments\/(\d+)$/,
    query: [],
    answer: (api, id, { pullRequest }, { body }) => {
      const { comments = [], writer = "forbidden" } = pullRequest?.(theOnlyNumber) ?? {};
      const comment = comments.find((one) => one.id === Number(id));
      if (comment === undefined) return "not found";
      // GitHub lets whoever may write to the repository edit the comments of anybody.
      if (typeof writer === "string") return writer;
      const { body: text } = body as { readonly body: string };
      if (text.length > 65_536) return tooLong;
      comment.body = text;
      return { status: 200, body: issueComment(api, theOnlyNumber, comment) };
    },
  },
  {
    method: "delete",
    path: "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/issues\/comments\/(\d+)$/,
    query: [],
    answer: (_, id, { pullRequest }) => {
      const { comments = [], writer = "forbidden" } = pullRequest?.(theOnlyNumber) ?? {};
      const at = comments.findIndex((one) => one.id === Number(id));
      if (at < 0) return "not found";
      if (typeof writer === "string") return writer;
      comments.splice(at, 1);
      return { status: 204, body: null };
    },
  },
];

/** The pull request that comments are on which are known by their id alone. */
export const theOnlyNumber = 7;

const tooLong: Answer = refusal(422, "Validation Failed: body is too long (maximum is 65536 characters)");

/** A page of a list, and the way to the next one. Source: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
function page(url: URL, all: readonly unknown[]): Answer {
  const size = Math.min(100, Number(url.searchParams.get("per_page") ?? 30));
  const number = Number(url.searchParams.get("page") ?? 1);
  const last = Math.max(1, Math.ceil(all.length / size));
  const to = (target: number, rel: string): string => {
    const other = new URL(url);
    other.searchParams.set("page", String(target));
    return `<${other.href}>; rel="${rel}"`;
  };
  const body = all.slice((number - 1) * size, number * size);
  return { status: 200, body, ...(number < last ? { link: `${to(number + 1, "next")}, ${to(last, "last")}` } : {}) };
}

function isRefusal(value: unknown): value is Refusal {
  return typeof value === "string" && Object.hasOwn(refusals, value);
}

function answer(call: Asked, repository: FakeRepository): Answer {
  const { url, method, body } = call;
  for (const operation of operations) {
    const [, name, asked] = operation.pattern.exec(url.pathname) ?? [];
    if (operation.method !== method || name === undefined || asked === undefined) continue;
    const unknown = [...url.searchParams.keys()].filter((key) => !operation.query.includes(key));
    if (unknown.length > 0) return refusal(422, `unknown query: ${unknown.join(", ")}`);
    const wrong = method === "get" || method === "delete" ? null : faults(operation, "requestBody", body);
    if (wrong !== null) return { status: 422, body: { message: "Validation Failed", errors: wrong } };
    const given = operation.answer(`https://api.github.com/repos/${name}`, asked, repository, call);
    if (isRefusal(given)) return refusals[given];
    return given.status >= 400 ? given : checked(operation, given);
  }
  return refusals["not found"];
}

const description = JSON.parse(readFileSync(join(import.meta.dirname, "api.github.com.json"), "utf8")) as {
  readonly paths: Readonly<
    Record<string, Partial<Record<Operation["method"], { readonly responses: Readonly<Record<string, object>> }>>>
  >;
};
const ajv = new Ajv.default({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(description, "github");

function hasEmptyAnswer({ path, method }: Operation, status: number): boolean {
  const answers = description.paths[path]?.[method]?.responses ?? {};
  const found = answers[String(status)];
  return found !== undefined && !("content" in found);
}

/** What breaks the description; null: nothing does. */
function faults({ path, method }: Operation, part: string, body: unknown): readonly unknown[] | null {
  const pointer = `github#/paths/${path.replaceAll("/", "~1")}/${method}/${part}/content/application~1json/schema`;
  const validate = ajv.getSchema(pointer);
  if (validate === undefined) throw new Error(`the description has no ${pointer}`);
  return validate(body) === true ? null : (validate.errors?.slice(0, 3) ?? []);
}

function checked(operation: Operation, given: Answer): Answer {
  if (given.body === null) {
    if (!hasEmptyAnswer(operation, given.status)) throw new Error("GitHub's description knows no such answer");
    return given;
  }
  const errors = faults(operation, `responses/${given.status}`, given.body);
  if (errors === null) return given;
  return { status: 500, body: { message: "this fake answered what GitHub's description does not allow", errors } };
}
