import { errorsIn, judgeReply, type Judged, type Reply } from "../../../src/dagster/judge.ts";

const url = "https://dagster.example/data/graphql";
const reply = (some: Partial<Reply>): Reply => ({ status: 200, location: null, challenge: null, body: "", ...some });
const judged = (some: Partial<Reply>, login: string | null = null): Judged =>
  judgeReply(reply(some), url, login === null ? null : { kind: "basic", from: login });
const page = "<!doctype html><html><title>Sign in</title></html>";

test.each([200, 400, 500])("data without errors is an answer whatever the status is: %i", (status) => {
  expect(judged({ status, body: '{"data":{}}' })).toEqual({ kind: "json", json: { data: {} } });
});

test("a document that Dagster does not take is an answer, and stays one", () => {
  const body = '{"data":null,"errors":[{"message":"Cannot query field"}]}';
  expect(judged({ status: 400, body })).toEqual({ kind: "json", json: JSON.parse(body) as unknown });
});

test.each<[string, number, unknown, string]>([
  [
    "a resolver that fails over its database",
    500,
    { data: null, errors: [{ message: "(psycopg2.OperationalError) server closed the connection" }] },
    "HTTP 500: (psycopg2.OperationalError) server closed the connection",
  ],
  [
    "half an answer of a resolver that fails",
    500,
    { data: { instance: null }, errors: [{ message: "database is away" }] },
    "HTTP 500: database is away",
  ],
  ["a gateway that limits", 429, { message: "Too Many Requests" }, "HTTP 429, and not as Dagster does"],
  ["a gateway's error", 500, { message: "Internal Server Error" }, "HTTP 500, and not as Dagster does"],
  ["a gateway that knows no such path", 404, { message: "Not Found" }, "HTTP 404, and not as Dagster does"],
  ["null", 200, null, "HTTP 200, and not as Dagster does"],
  ["a list", 500, [{ data: {} }], "HTTP 500, and not as Dagster does"],
  ["errors that are none", 500, { errors: "x" }, "HTTP 500, and not as Dagster does"],
])("%s is weather, in JSON too", (_, status, json, words) => {
  expect(judged({ status, body: JSON.stringify(json) })).toEqual({ kind: "weather", what: `${url} answers ${words}` });
});

test("what Dagster repeats of its database shows no password", () => {
  const message = 'could not connect: "postgresql://dagster:hunter2hunter2@db.example/dagster"';
  for (const status of [400, 500]) {
    const answer = judged({ status, body: JSON.stringify({ data: null, errors: [{ message }] }) });
    const said = answer.kind === "json" ? errorsIn(answer.json) : answer.kind === "weather" ? [answer.what] : [];
    expect(said).toEqual([expect.stringContaining("db.example")]);
    expect(said.join()).not.toContain("hunter2");
  }
});

test.each<[string, Partial<Reply>, string]>([
  ["a load balancer without targets", { status: 503, body: page }, "HTTP 503"],
  ["a proxy's error", { status: 500, body: page }, "HTTP 500, and not as Dagster does"],
  ["a path that nobody has", { status: 404, body: "Not Found" }, "HTTP 404, and not as Dagster does"],
  ["half an answer", { status: 200, body: '{"data":' }, "HTTP 200, and not as Dagster does"],
  ["nothing", { status: 200, body: "" }, "HTTP 200, and not as Dagster does"],
])("%s is weather", (_, some, words) => {
  expect(judged(some)).toEqual({ kind: "weather", what: `${url} answers ${words}` });
});

const login = "A login answers in front of Dagster at dagster.example";

test.each<[string, Partial<Reply>, string | null, string, RegExp]>([
  [
    "a redirect to another host",
    { status: 302, location: "https://id.example/authorize?state=s3cret" },
    null,
    `${login}: it redirects to id.example.`,
    /`gates: \{ reach: task \}`.*`gates: auth`/,
  ],
  [
    "a redirect to another path",
    { status: 303, location: "/oauth2/sign_in?rd=%2Fgraphql" },
    null,
    `${login}: it redirects to /oauth2/sign_in.`,
    /reach: task/,
  ],
  ["a redirect to nowhere", { status: 302 }, null, `${login}: it redirects to somewhere else.`, /reach: task/],
  ["a page", { body: page }, null, `${login}: it answers with a web page.`, /reach: task/],
  ["a login of its own", { status: 403, body: page }, null, `${login}: it answers HTTP 403.`, /reach: task/],
  [
    "basic authentication",
    { status: 401, challenge: 'Basic realm="dagster"', body: page },
    null,
    `${login}: it answers HTTP 401.`,
    /auth: \{ basic: secret:<name> \}/,
  ],
  [
    "basic authentication that does not take the password",
    { status: 401, challenge: 'Basic realm="dagster"', body: page },
    "secret shop/gates",
    "The login in front of Dagster at dagster.example does not accept the user and the password of secret shop/gates: HTTP 401.",
    /Put those that it accepts into secret shop\/gates/,
  ],
  [
    "another login than the one that user and password are for",
    { status: 401, challenge: "Bearer" },
    "secret shop/gates",
    `${login}: it answers HTTP 401.`,
    /reach: task/,
  ],
  [
    "a redirect to https",
    { status: 301, location: "https://dagster.example:443/data/graphql" },
    null,
    `Dagster's webserver is asked at ${url}, and redirects to https://dagster.example/data/graphql.`,
    /: https:\/\/dagster.example\/data$/,
  ],
  [
    "a redirect to another path prefix",
    { status: 308, location: "/dagster/graphql?x=y" },
    null,
    `Dagster's webserver is asked at ${url}, and redirects to https://dagster.example/dagster/graphql.`,
    /: https:\/\/dagster.example\/dagster$/,
  ],
  [
    "the page of Dagster's own UI",
    { body: "<!DOCTYPE html><html><head><title>Dagster</title></head></html>" },
    null,
    `At ${url} Dagster answers with the page of its UI: its GraphQL is under another path.`,
    /path prefix/,
  ],
])("%s is said in words, with the fix, and never the secrets of a login", (_, some, from, what, fix) => {
  const found = judged(some, from);
  expect(found).toEqual({
    kind: "refused",
    advice: { what, where: url, fix: expect.stringMatching(fix) as string },
  });
  expect(JSON.stringify(found)).not.toMatch(/s3cret|JSON|rd=/);
});
