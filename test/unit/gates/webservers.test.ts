import { type Dagster, DagsterOutOfReach, DagsterUnreachable, outOfReach } from "../../../src/dagster/client.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { webserverGate } from "../../../src/gates/webserver.ts";
import { judgeWebservers, type Told } from "../../../src/gates/webservers/judge.ts";
import { testContext } from "../context.ts";

const good = (version = "1.13.0"): Told => ({ version, why: null });
const silent: Told = { version: null, why: "http://10.0.0.2:3000 does not answer" };

test.each<[string, readonly Told[], string, string]>([
  ["one that answers", [good()], "all", "its task answers by itself"],
  ["all answer", [good(), good()], "all", "each of 2 tasks answers"],
  ["one is silent", [good(), silent], "some", "1 of 2 tasks answer: http://10.0.0.2:3000 does not answer"],
  ["all are silent", [silent, silent], "none", "no task answers by itself: http://10.0.0.2:3000 does not answer"],
  ["two versions", [good(), good("1.12.0")], "some", "its tasks answer with different versions: 1.13.0, 1.12.0"],
  ["no task", [], "some", "ECS names no task of it that runs"],
])("of tasks of which %s", (_, told, kind, words) => {
  expect(Object.values(judgeWebservers(told))).toEqual([kind, words]);
});

const answers = (version: string | null): Dagster => ({
  ask: () => Promise.reject(new Error("nobody asks")),
  serverInfo: () =>
    version === null
      ? Promise.reject(new DagsterUnreachable("it does not answer"))
      : Promise.resolve({ dagster_webserver_version: version }),
});

/** @param tasks version that each says, by its URL and the seconds that have passed; null: none */
async function ask(
  tasks: (url: string, seconds: number) => string | null,
  isInside: boolean,
  isRequired = true,
): Promise<GateResult> {
  const { context, clock } = testContext();
  const begun = clock.product.now();
  const each = {
    urls: () => Promise.resolve(["http://a:3000", "http://b:3000"]),
    at: (url: string) => answers(tasks(url, (clock.product.now() - begun) / 1000)),
    isInside,
    isRequired,
    place: { file: "dagster-stack.yml", line: 3, column: 1 },
  };
  return clock.run(
    webserverGate(answers("1.13.0"), context, { service: "webserver", each, version: null, timeoutSeconds: 60 }),
  );
}

test("passes once each task answers by itself", async () => {
  const result = await ask((url, seconds) => (url.includes("b") && seconds < 30 ? null : "1.13.0"), false);
  expect(result).toMatchObject({ cause: null, seen: "Dagster 1.13.0; each of 2 tasks answers" });
  expect(result.seconds).toBeGreaterThanOrEqual(30);
});

test.each([true, false])("one that stays silent fails it, whoever asks (from inside: %s)", async (isInside) => {
  const result = await ask((url) => (url.includes("b") ? null : "1.13.0"), isInside);
  expect(result.cause?.id).toBe("webserver-unreachable");
  expect(result.cause?.what).toContain("1 of 2 tasks answer: it does not answer");
});

test("a runner that reaches none of them says so, and goes on: the webserver's own address answers", async () => {
  const result = await ask(() => null, false);
  expect(result.cause).toBeNull();
  expect(result.findings).toEqual([
    expect.objectContaining({
      id: "not-checked",
      level: "notice",
      what: expect.stringContaining("one by one") as string,
    }),
  ]);
  expect(result.seconds).toBeLessThan(30);
});

test("from inside of the VPC none is not enough", async () => {
  const result = await ask(() => null, true);
  expect(result.cause?.what).toContain("no task answers by itself");
  expect(result.cause?.fix).toContain("security group of the webserver must let its own tasks in");
});

test("nor is it a reason to fail where nobody asked for it: that is said", async () => {
  const { cause, findings, seconds } = await ask(() => null, true, false);
  expect(cause).toBeNull();
  expect(findings).toEqual([
    expect.objectContaining({
      what: expect.stringContaining("the task in the VPC does not reach them") as string,
      fix: expect.stringContaining("every-webserver: false") as string,
    }),
  ]);
  expect(seconds).toBeLessThan(30);
});

test("one of several that stays silent fails it, also where nobody asked for it", async () => {
  const { cause } = await ask((url) => (url.includes("b") ? null : "1.13.0"), true, false);
  expect(cause?.id).toBe("webserver-unreachable");
});

test.each([true, false])(
  "tasks that share their host's address are not asked, which is said at once (from inside: %s)",
  async (isInside) => {
    const { context, clock } = testContext();
    const place = { file: "dagster-stack.yml", line: 3, column: 1 };
    const each = { urls: () => Promise.resolve(null), at: () => answers(null), isInside, isRequired: true, place };
    const result = await clock.run(
      webserverGate(answers("1.13.0"), context, { service: "webserver", each, version: null, timeoutSeconds: 60 }),
    );
    expect(result).toMatchObject({ cause: null, seconds: 0 });
    expect(result.findings).toEqual([
      expect.objectContaining({
        id: "not-checked",
        where: place,
        what: expect.stringContaining("they have no addresses of their own") as string,
      }),
    ]);
  },
);

test("nobody whom this runner reaches fails it with the way that is missing", async () => {
  const { context, clock } = testContext();
  const away = { ...answers(null), serverInfo: () => Promise.reject(new DagsterOutOfReach("ENOTFOUND")) };
  const expected = { service: "webserver", each: null, version: null, timeoutSeconds: 60 };
  const { cause } = await clock.run(webserverGate(away, context, expected));
  expect(cause).toMatchObject({ id: "webserver-unreachable", fix: outOfReach });
  expect(outOfReach).toContain("`gates: { reach: task }`");
});

test("the time-out begins with the first answer: a task that asks may have to be started before it", async () => {
  const { context, clock } = testContext();
  let asked = 0;
  const late: Dagster = {
    ask: () => Promise.reject(new Error("nobody asks")),
    serverInfo: async () => {
      asked += 1;
      if (asked > 1) return { dagster_webserver_version: "1.13.0" };
      await clock.product.sleep(70_000);
      throw new DagsterUnreachable("it does not answer yet");
    },
  };
  const expected = { service: "webserver", each: null, version: null, timeoutSeconds: 60 };
  expect(await clock.run(webserverGate(late, context, expected))).toMatchObject({
    cause: null,
    seen: "Dagster 1.13.0",
  });
});

describe("The version of what answers", () => {
  const askFor = (wanted: string | null, said: (seconds: number) => object): Promise<GateResult> => {
    const { context, clock } = testContext();
    const begun = clock.product.now();
    const webserver: Dagster = {
      ask: () => Promise.reject(new Error("nobody asks")),
      serverInfo: () => Promise.resolve(said((clock.product.now() - begun) / 1000)),
    };
    const expected = { service: "webserver", each: null, version: wanted, timeoutSeconds: 60 };
    return clock.run(webserverGate(webserver, context, expected));
  };
  const says = (version: string) => ({ dagster_webserver_version: version, dagster_version: version });

  test("is that of its image, where that is known, and is shown", async () => {
    expect(await askFor("1.13.15", () => says("1.13.15"))).toMatchObject({
      cause: null,
      seen: "Dagster 1.13.15, as its image has",
    });
    expect(await askFor(null, () => says("1.13.15"))).toMatchObject({ cause: null, seen: "Dagster 1.13.15" });
  });

  test("may be the older one's while that leaves", async () => {
    const { cause, seconds } = await askFor("1.13.15", (now) => says(now < 20 ? "1.12.9" : "1.13.15"));
    expect([cause, seconds]).toEqual([null, 20]);
  });

  test("that stays another one fails it, with both", async () => {
    expect((await askFor("1.13.15", () => says("1.12.9"))).cause).toMatchObject({
      id: "webserver-other-version",
      what: expect.stringMatching(/Dagster 1\.12\.9 still answers .* has 1\.13\.15/) as string,
    });
  });

  test.each([
    ["of a build of somebody's own", "1!0+dev"],
    ["with what PEP 440 adds to a release", "1.13.15.post1"],
  ])("%s is not held against it", async (_, said) => {
    expect((await askFor("1.13.15", () => says(said))).cause).toBeNull();
  });

  test("is told by the webserver alone where it says no other", async () => {
    const { cause } = await askFor("1.13.15", () => ({ dagster_webserver_version: "1.12.9" }));
    expect(cause?.id).toBe("webserver-other-version");
  });
});
