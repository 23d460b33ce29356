import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { comparison, workflowRun } from "./bodies.ts";

/** How two commits stand to each other: what `git` would say of `base...head`. */
export type Comparison = "ahead" | "behind" | "identical" | "diverged";

/** https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository, but for what are conclusions */
export type RunStatus = "requested" | "waiting" | "pending" | "queued" | "in_progress" | "completed";

/** In the place of an answer: as GitHub refuses, or is down. */
export type Refusal = "not found" | "forbidden" | "server error";

/** What the repository is like; it knows nothing of what is left out. */
export interface FakeRepository {
  readonly compare?: (base: string, head: string) => Comparison | Refusal;
  readonly run?: (id: number) => RunStatus | null | Refusal;
}

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
export async function startFakeGithub(repository: FakeRepository): Promise<FakeGithub> {
  const requests: { route: string; authorization: string }[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const url = new URL(request.url ?? "/", "http://localhost");
    requests.push({
      route: `${request.method ?? ""} ${url.pathname}`,
      authorization: request.headers.authorization ?? "",
    });
    const { status, body } = request.method === "GET" ? answer(url, repository) : refusals["not found"];
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
  readonly path: string;
  readonly pattern: RegExp;
  readonly query: readonly string[];
  readonly answer: (api: string, asked: string, repository: FakeRepository) => unknown;
}

const operations: readonly Operation[] = [
  {
    path: "/repos/{owner}/{repo}/compare/{basehead}",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/compare\/(.+)$/,
    query: ["page", "per_page"],
    answer: (api, basehead, { compare = () => "not found" }) => {
      const [base = "", head = ""] = decodeURIComponent(basehead).split("...");
      const status = compare(base, head);
      return isRefusal(status) ? refusals[status] : comparison(api, base, head, status);
    },
  },
  {
    path: "/repos/{owner}/{repo}/actions/runs/{run_id}",
    pattern: /^\/repos\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)$/,
    query: ["exclude_pull_requests"],
    answer: (api, id, { run = () => "not found" }) => {
      const status = run(Number(id));
      return isRefusal(status) ? refusals[status] : workflowRun(api, Number(id), status);
    },
  },
];

function isRefusal(value: string | null): value is Refusal {
  return value !== null && Object.hasOwn(refusals, value);
}

function answer(url: URL, repository: FakeRepository): Answer {
  for (const operation of operations) {
    const [, name, asked] = operation.pattern.exec(url.pathname) ?? [];
    if (name === undefined || asked === undefined) continue;
    const unknown = [...url.searchParams.keys()].filter((key) => !operation.query.includes(key));
    if (unknown.length > 0) return { status: 422, body: { message: `unknown query: ${unknown.join(", ")}` } };
    const given = operation.answer(`https://api.github.com/repos/${name}`, asked, repository);
    return Object.values(refusals).find((one) => one === given) ?? checked(operation, given);
  }
  return refusals["not found"];
}

const description = JSON.parse(readFileSync(join(import.meta.dirname, "api.github.com.json"), "utf8")) as object;
const ajv = new Ajv.default({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(description, "github");

function checked({ path }: Operation, body: unknown): Answer {
  const pointer = `github#/paths/${path.replaceAll("/", "~1")}/get/responses/200/content/application~1json/schema`;
  const validate = ajv.getSchema(pointer);
  if (validate === undefined) throw new Error(`the description has no ${pointer}`);
  if (validate(body) === true) return { status: 200, body };
  const errors = validate.errors?.slice(0, 3);
  return { status: 500, body: { message: "this fake answered what GitHub's description does not allow", errors } };
}
