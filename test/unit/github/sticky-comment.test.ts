import {
  type FakeComment,
  type FakeGithub,
  type FakePullRequest,
  startFakeGithub,
  theOnlyNumber,
} from "../../github/fake-github.ts";
import { Octokit } from "@octokit/core";
import { paginateRest } from "@octokit/plugin-paginate-rest";
import {
  type Commented,
  replaceComment,
  type StickyComment,
  writeComment,
} from "../../../src/github/sticky-comment.ts";

const us = "github-actions[bot]";
const place = { repository: "owner/small", number: theOnlyNumber, isForeign: false, base: null };
let github: FakeGithub;
let page: FakePullRequest;
let replace: (environment: string | null, run?: StickyComment["run"]) => Promise<Commented | null>;
let write: (comment: Partial<StickyComment>, author?: string) => Promise<Commented>;

beforeAll(async () => {
  github = await startFakeGithub({ pullRequest: (number) => (number === theOnlyNumber ? page : undefined) });
  // As the product opens it, but for its proxies.
  const client = new (Octokit.plugin(paginateRest))({ auth: "ghs_secret", baseUrl: github.url });
  replace = (environment, run = { id: 101, attempt: 1 }) => {
    const [text, foot] = [{ markdown: "### No plan" }, { markdown: "The end." }];
    return replaceComment(client, place, { environment, run, text, foot }, us);
  };
  write = (comment, author = us) =>
    writeComment(
      client,
      place,
      {
        key: "small/production",
        run: { id: 100, attempt: 1 },
        text: { markdown: "### Plan" },
        foot: { markdown: "The end." },
        ...comment,
      },
      author,
    );
});
afterAll(() => github.close());
beforeEach(() => {
  page = { comments: [], writer: { login: us } };
});

const markdownOf = (text: string): StickyComment["text"] => ({ markdown: text });
const written = (): readonly string[] => page.comments.map(({ body }) => body);
const foreign = (id: number, body: string, login: string | null = "mallory"): FakeComment => ({ id, login, body });

test("The first run writes a comment, and each later one writes it anew", async () => {
  expect(await write({})).toEqual({
    kind: "created",
    url: `https://github.com/owner/small/pull/${theOnlyNumber}#issuecomment-1`,
    author: us,
  });
  expect(await write({ run: { id: 101, attempt: 1 }, text: markdownOf("### Newer plan") })).toMatchObject({
    kind: "updated",
  });
  expect(written()).toEqual([
    "<!-- dagster-ecs plan of small/production by run 101.1 -->\n\n### Newer plan\n\nThe end.",
  ]);
});

test("A later attempt of a run writes over the one before, and the same attempt over itself", async () => {
  await write({});
  expect(await write({ run: { id: 100, attempt: 2 } })).toMatchObject({ kind: "updated" });
  expect(await write({ run: { id: 100, attempt: 2 } })).toMatchObject({ kind: "updated" });
  expect(page.comments).toHaveLength(1);
});

test.each([[{ id: 99, attempt: 1 }], [{ id: 99, attempt: 9 }], [{ id: 100, attempt: 1 }]])(
  "An older run (%j) leaves what a newer one has written",
  async (run) => {
    await write({ run: { id: 100, attempt: 2 }, text: markdownOf("newer") });
    const before = written();
    expect(await write({ run })).toEqual({ kind: "newer", run: { id: 100, attempt: 2 } });
    expect(written()).toEqual(before);
  },
);

test("Who does not know what it is about writes over the one comment of its environment", async () => {
  await write({});
  await write({ key: "small/staging" });
  expect(await replace("production")).toMatchObject({ kind: "updated" });
  expect(written().toSorted()).toEqual([
    "<!-- dagster-ecs plan of small/production by run 101.1 -->\n\n### No plan\n\nThe end.",
    "<!-- dagster-ecs plan of small/staging by run 100.1 -->\n\n### Plan\n\nThe end.",
  ]);
});

test.each<[string, readonly string[], string | null]>([
  ["there is none", [], null],
  ["there is none of that environment", ["small/staging"], "production"],
  ["it may be one or the other", ["small/staging", "small/production"], null],
  ["two stacks have that environment", ["small/production", "large/production"], "production"],
])("Who does not know what it is about writes nothing where %s", async (_, keys, environment) => {
  for (const key of keys) await write({ key });
  page.comments.push(foreign(99, "<!-- dagster-ecs plan of small/production by run 1.1 -->"));
  const before = written();
  expect(await replace(environment)).toBeNull();
  expect(written()).toEqual(before);
});

test("Who does not know what it is about leaves what a newer run has written", async () => {
  await write({ run: { id: 102, attempt: 1 } });
  expect(await replace(null)).toEqual({ kind: "newer", run: { id: 102, attempt: 1 } });
  expect(written()).toEqual(["<!-- dagster-ecs plan of small/production by run 102.1 -->\n\n### Plan\n\nThe end."]);
});

test("Stacks and environments have a comment each", async () => {
  await write({});
  await write({ key: "small/staging" });
  await write({ key: "small/prod" });
  expect(page.comments).toHaveLength(3);
});

test("What somebody else has written is never touched, whatever mark it bears", async () => {
  const mark = "<!-- dagster-ecs plan of small/production by run 1.1 -->\n\nours, says mallory";
  const gone = "<!-- dagster-ecs plan of small/production by run 999999.1 -->";
  page = { ...page, comments: [foreign(1, mark), foreign(2, gone, null)] };
  expect(await write({})).toMatchObject({ kind: "created" });
  expect(written().slice(0, 2)).toEqual([mark, gone]);
});

test("A mark in the middle of one of our comments is somebody else's words", async () => {
  const quoted = "### Plan\n<!-- dagster-ecs plan of small/production by run 1.1 -->";
  page = { ...page, comments: [foreign(1, quoted, us)] };
  expect(await write({})).toMatchObject({ kind: "created" });
  expect(written()[0]).toBe(quoted);
});

test("It is found behind hundreds of others, and costs a request for a hundred of them", async () => {
  page = { ...page, comments: Array.from({ length: 250 }, (_, index) => foreign(index + 1, "LGTM")) };
  await write({});
  const since = github.requests.length;
  expect(await write({ run: { id: 101, attempt: 1 } })).toMatchObject({ kind: "updated" });
  expect(page.comments).toHaveLength(251);
  expect(github.requests.slice(since).map(({ route }) => route.split(" ")[0])).toEqual([
    "GET",
    "GET",
    "GET",
    "PATCH",
    "GET",
    "GET",
    "GET",
  ]);
});

test("Of two that are there the newer is written anew, and the other goes", async () => {
  await write({ run: { id: 102, attempt: 1 } });
  const [one] = page.comments;
  if (one === undefined) throw new Error("nothing was written");
  page.comments.push({ ...one, id: 2, body: one.body.replace("102.1", "101.1") });
  await write({ run: { id: 103, attempt: 1 } });
  expect(written().map((body) => /run (\d+)/.exec(body)?.[1])).toEqual(["103"]);
});

describe("Of two runs that write at once, one comment stays, with the text of the newer one:", () => {
  const runOf = (): readonly (string | undefined)[] => written().map((body) => /run ([\d.]+)/.exec(body)?.[1]);
  const mark = (run: string): string => `<!-- dagster-ecs plan of small/production by run ${run} -->\n\n### Plan`;

  /** Something happens when a request of this kind was answered for the first time. */
  function after(method: string, happens: () => void): void {
    let isDone = false;
    github.onAnswer((route) => {
      if (isDone || !route.startsWith(method)) return;
      isDone = true;
      happens();
    });
  }
  afterEach(() => github.onAnswer(() => undefined));

  test.each([
    ["both found none, and the other one is newer", "101.1", "newer", ["101.1"]],
    ["both found none, and the other one is older", "99.1", "created", ["100.1"]],
    ["both found none, and the other one is of the same run", "100.1", "newer", ["100.1"]],
  ])("%s", async (_, other, kind, left) => {
    after("GET", () => page.comments.push(foreign(1, mark(other), us)));
    expect(await write({})).toMatchObject({ kind });
    expect(runOf()).toEqual(left);
  });

  test("the older one wrote over it", async () => {
    await write({ run: { id: 98, attempt: 1 } });
    after("PATCH", () => {
      const [comment] = page.comments;
      if (comment !== undefined) comment.body = mark("99.1");
    });
    expect(await write({})).toMatchObject({ kind: "updated" });
    expect(runOf()).toEqual(["100.1"]);
  });

  test("the newer one wrote over it", async () => {
    await write({ run: { id: 98, attempt: 1 } });
    after("PATCH", () => {
      const [comment] = page.comments;
      if (comment !== undefined) comment.body = mark("101.1");
    });
    expect(await write({})).toEqual({ kind: "newer", run: { id: 101, attempt: 1 } });
    expect(runOf()).toEqual(["101.1"]);
  });

  test("the other one has taken its own away meanwhile", async () => {
    let looks = 0;
    github.onAnswer((route) => {
      if (route.startsWith("POST")) page.comments.unshift(foreign(9, mark("99.1"), us));
      else if (route.startsWith("GET") && (looks += 1) === 2) page.comments.splice(0, 1);
    });
    expect(await write({})).toMatchObject({ kind: "created" });
    expect(runOf()).toEqual(["100.1"]);
  });
});

test("What is too long is cut visibly, with its end kept, below what GitHub takes", async () => {
  const long = `### Plan\n\n<details>\n<summary>diff</summary>\n\n\`\`\`diff\n${"+ a line of it: ü\n".repeat(9000)}\`\`\`\n\n</details>`;
  expect(await write({ text: markdownOf(long) })).toMatchObject({ kind: "created" });
  const [body = ""] = written();
  expect(body.length).toBeLessThan(65_536);
  expect(body).toMatch(/\n```\n\n<\/details>\n\n_cut here: the rest is in the summary of the run_\n\nThe end\.$/);
});

test.each<[FakePullRequest["writer"] & string, number]>([
  ["forbidden", 403],
  ["not found", 404],
  ["server error", 502],
])("Where GitHub answers %s, it is told", async (writer, status) => {
  page = { ...page, writer };
  expect(await write({})).toMatchObject({ kind: "refused", status });
});

test("A pull request that is not there is told alike", async () => {
  page = undefined as unknown as FakePullRequest;
  expect(await write({})).toMatchObject({ kind: "refused", status: 404 });
});

test("Whoever the token writes as is told, so that a wrong name can be put right", async () => {
  page = { ...page, writer: { login: "previews[bot]" } };
  expect(await write({})).toMatchObject({ kind: "created", author: "previews[bot]" });
});

test("A fault that is not GitHub's is not swallowed", async () => {
  await expect(write({ text: null as unknown as StickyComment["text"] })).rejects.toThrow(TypeError);
});
