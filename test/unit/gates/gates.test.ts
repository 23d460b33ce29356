import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import type { DaemonStatus, LocationEntry } from "../../../src/dagster/documents.ts";
import { daemonGate } from "../../../src/gates/daemon.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { locationGate } from "../../../src/gates/location.ts";
import { webserverGate } from "../../../src/gates/webserver.ts";
import { testContext } from "../context.ts";

const image = "repo@sha256:new";
const entry = (change: Partial<LocationEntry> & { image?: string; serverId?: string | null } = {}): LocationEntry => ({
  name: "DealFlow",
  loadStatus: "LOADED",
  displayMetadata: change.image === "" ? [] : [{ key: "image", value: change.image ?? image }],
  locationOrLoadError: {
    __typename: "RepositoryLocation",
    serverId: change.serverId === undefined ? "server-a" : change.serverId,
    repositories: [],
  },
  ...change,
});
const broken = (message: string): LocationEntry =>
  entry({
    locationOrLoadError: {
      __typename: "PythonError",
      message,
      className: "DagsterImportError",
      stack: ['  File "/app/main.py", line 3\n', "    import pandsa\n"],
      causes: [],
    },
  });

type Answer = readonly LocationEntry[] | "down" | "no workspace";

/**
 * A webserver that gives these answers, the last one for ever.
 * @param itself what a code server says when the webserver asks it anew; null: what the webserver says
 * @param isOnly whether every answer after that is of the webserver that has asked
 */
function webserver(
  answers: readonly Answer[],
  itself: LocationEntry | string | null = null,
  isOnly = false,
): Dagster & { readonly asked: number; readonly reloads: number } {
  const state = { asked: 0, reloads: 0 };
  const next = (): Answer =>
    isOnly && state.reloads > 0 && itself !== null && typeof itself !== "string"
      ? [itself]
      : (answers[Math.min(state.asked, answers.length - 1)] ?? []);
  return {
    get asked() {
      return state.asked;
    },
    get reloads() {
      return state.reloads;
    },
    ask: <T>(document: Document<T>) => {
      const answer = next();
      if (document.name === "ReloadLocation") {
        state.reloads += 1;
        const shown = Array.isArray(answer) ? (answer as readonly LocationEntry[])[0] : undefined;
        const said = itself ?? shown ?? "RepositoryLocationNotFound";
        const reloaded =
          typeof said === "string" ? { __typename: said } : { ...said, __typename: "WorkspaceLocationEntry" };
        return Promise.resolve(document.answer.parse({ reloadRepositoryLocation: reloaded }));
      }
      state.asked += 1;
      if (answer === "down") return Promise.reject(new DagsterUnreachable("connection refused"));
      const workspace =
        answer === "no workspace"
          ? { __typename: "PythonError", message: "x" }
          : { __typename: "Workspace", locationEntries: answer };
      return Promise.resolve(document.answer.parse({ workspaceOrError: workspace }));
    },
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
}

async function ask(
  answers: readonly Answer[],
  nameTtlSeconds = 0,
  itself: LocationEntry | string | null = null,
): Promise<GateResult & { readonly asked: number; readonly reloads: number }> {
  const { context, clock } = testContext();
  const dagster = webserver(answers, itself);
  const result = await clock.run(
    locationGate(dagster, context, { location: "DealFlow", image, nameTtlSeconds, timeoutSeconds: 60 }),
  );
  return { ...result, asked: dagster.asked, reloads: dagster.reloads };
}

describe("the gate of a code location", () => {
  test("passes after three answers of one server with our image, and its own", async () => {
    const result = await ask([[entry()]]);
    expect(result.cause).toBeNull();
    expect(result.asked).toBe(4);
    expect(result.reloads).toBe(1);
  });

  /** A webserver whose code server is another one each time that it was asked itself. @param lives how it finds it, in turn */
  async function askChanging(
    lives: readonly (LocationEntry | null)[],
  ): Promise<GateResult & { readonly reloads: number }> {
    const { context, clock } = testContext();
    let reloads = 0;
    const changing: Dagster = {
      ask: (document, variables) => {
        const life = lives[reloads % lives.length] ?? null;
        if (document.name === "ReloadLocation") reloads += 1;
        return webserver([[entry({ serverId: `server-${reloads}` })]], life ?? entry()).ask(document, variables);
      },
      serverInfo: () => Promise.reject(new Error("not asked here")),
    };
    const expected = { location: "DealFlow", image, nameTtlSeconds: 0, timeoutSeconds: 60 };
    return { ...(await clock.run(locationGate(changing, context, expected))), reloads };
  }

  test("does not pass when now and then it was the successor of the server shown that was well when it was asked", async () => {
    const gone = broken("StatusCode.UNAVAILABLE");
    for (const lives of [
      [null, gone],
      [null, null, gone],
    ]) {
      const { cause, reloads } = await askChanging(lives);
      expect(cause).not.toBeNull();
      expect(reloads).toBeGreaterThan(5);
    }
  });

  test("passes when a server begins anew whenever it is asked itself, as `dagster code-server start` does, and is well each time", async () => {
    const { cause, reloads } = await askChanging([null]);
    expect(cause).toBeNull();
    expect(reloads).toBe(3);
  });

  test.each<[string, LocationEntry, string]>([
    ["is gone", broken("StatusCode.UNAVAILABLE"), "location-broken"],
    ["is of another image", entry({ image: "repo@sha256:old" }), "location-unsteady"],
  ])("does not pass when all webservers show it as served, and the server itself %s", async (_, itself, cause) => {
    const result = await ask([[entry()]], 0, itself);
    expect(result.cause?.id).toBe(cause);
    expect(result.reloads).toBeGreaterThan(3);
  });

  test.each(["UnauthorizedError", "ReloadNotSupported"])(
    "passes, and says so, when nobody may ask it: %s",
    async (why) => {
      const { cause, findings } = await ask([[entry()]], 0, why);
      expect(cause).toBeNull();
      expect(findings).toEqual([
        expect.objectContaining({ id: "not-checked", what: expect.stringContaining(why) as string }),
      ]);
    },
  );

  test("does not pass when asking it fails", async () => {
    const { cause } = await ask([[entry()]], 0, "PythonError");
    expect(cause?.what).toContain("could not be asked itself (PythonError)");
  });

  test("asks on until every resolver must have forgotten the old address", async () => {
    const result = await ask([[entry()]], 10);
    expect(result.cause).toBeNull();
    expect(result.seconds).toBeGreaterThanOrEqual(10);
  });

  test("names the first answer of the row that passed, not an earlier one", async () => {
    const result = await ask([[entry()], [entry()], "down", [entry({ image: "repo@sha256:old" })], [entry()]]);
    expect(result.since).toBe(Date.parse("2026-11-21T10:00:04Z"));
  });

  test.each<[string, Answer, string]>([
    ["another image", [entry({ image: "repo@sha256:old" })], "another image, repo@sha256:old"],
    ["no image", [entry({ image: "" })], "names no image"],
    ["no such location", [entry({ name: "Other" })], "no location DealFlow, only Other"],
    ["an empty workspace", [], "no location DealFlow"],
    ["still loading", [entry({ loadStatus: "LOADING", locationOrLoadError: null })], "loading"],
    ["nobody there", "down", "connection refused"],
    ["no workspace", "no workspace", "no workspace"],
    ["a server without an id", [entry({ serverId: null })], "names no id"],
  ])("fails, and says why, when all it ever hears is: %s", async (_, answer, words) => {
    const result = await ask([answer]);
    expect(result.cause?.id).toBe("location-not-served");
    expect(result.cause?.what).toContain(words);
    expect(result.since).toBeNull();
  });

  test("fails with the end of the traceback when the location does not load, although it reads LOADED", async () => {
    const result = await ask([[broken("ModuleNotFoundError: No module named 'pandsa'")]]);
    expect(result.cause?.id).toBe("location-broken");
    expect(result.evidence.map(({ text }) => text.untrusted)).toEqual([
      "  File \"/app/main.py\", line 3\n    import pandsa\nModuleNotFoundError: No module named 'pandsa'",
    ]);
  });

  test("tells a code server that nobody reaches from code that does not load", async () => {
    const unreachable = (details: string): LocationEntry =>
      entry({
        locationOrLoadError: {
          __typename: "PythonError",
          message: "dagster._core.errors.DagsterUserCodeUnreachableError: Could not reach user code server",
          className: "DagsterUserCodeUnreachableError",
          stack: [],
          causes: [
            { message: `grpc._channel._InactiveRpcError: ${details}`, className: "_InactiveRpcError", stack: [] },
          ],
        },
      });
    const away = await ask([[unreachable("status = StatusCode.UNAVAILABLE")]]);
    expect(away.cause?.id).toBe("location-unreachable");
    // It answered, and the code took too long, or threw.
    const slow = await ask([[unreachable("status = StatusCode.DEADLINE_EXCEEDED")]]);
    expect(slow.cause?.id).toBe("location-broken");
  });

  test("is not fooled by two servers that answer in turn, both with our image", async () => {
    const result = await ask(Array.from({ length: 200 }, (_, index) => [entry({ serverId: `server-${index % 2}` })]));
    expect(result.cause?.id).toBe("location-unsteady");
  });

  test("is not fooled by the old server that answers every third time", async () => {
    const flapping = Array.from({ length: 200 }, (_, index) => [
      index % 3 === 2 ? entry({ image: "repo@sha256:old", serverId: "old" }) : entry(),
    ]);
    expect((await ask(flapping)).cause).not.toBeNull();
  });

  test("one server that serves until it dies, again and again, is broken, and not two", async () => {
    const dying = Array.from({ length: 200 }, (_, index) => [
      index % 3 === 2 ? broken("grpc: connection refused") : entry({ serverId: `server-${Math.floor(index / 3)}` }),
    ]);
    const result = await ask(dying);
    expect(result.cause?.id).toBe("location-broken");
    expect(result.evidence.map(({ text }) => text.untrusted).join()).toContain("connection refused");
  });

  test("passes as soon as the flapping has ended", async () => {
    const result = await ask([[entry()], [entry({ image: "repo@sha256:old" })], [broken("mixed")], [entry()]]);
    expect(result.cause).toBeNull();
    expect(result.asked).toBe(7);
  });
});

test("a webserver that holds on to an old answer is told to ask its code server anew", async () => {
  const { context, clock } = testContext();
  const dagster = webserver([[entry({ image: "repo@sha256:old", serverId: "server-a" })]], entry(), true);
  const expected = { location: "DealFlow", image, nameTtlSeconds: 0, timeoutSeconds: 60 };
  expect((await clock.run(locationGate(dagster, context, expected))).cause).toBeNull();
});

describe("the gate of the daemon", () => {
  const startedAt = Date.parse("2026-11-21T10:00:00Z");
  const status = (daemonType: string, heartbeat: number | null, required = true): DaemonStatus => ({
    daemonType,
    required,
    healthy: true,
    lastHeartbeatTime: heartbeat === null ? null : startedAt / 1000 + heartbeat,
    lastHeartbeatErrors: [],
  });
  const gate = (answers: readonly (readonly DaemonStatus[])[]): Promise<GateResult> => {
    const { context, clock } = testContext();
    const left = [...answers];
    const dagster = {
      ask: <T>(document: Document<T>) => {
        const allDaemonStatuses = left.length > 1 ? left.shift() : left[0];
        return Promise.resolve(document.answer.parse({ instance: { daemonHealth: { allDaemonStatuses } } }));
      },
      serverInfo: () => Promise.reject(new Error("not asked here")),
    };
    return clock.run(
      daemonGate(dagster, context, {
        service: "daemon",
        startedAt: () => Promise.resolve(startedAt),
        handedOverFrom: null,
        timeoutSeconds: 30,
      }),
    );
  };

  test("passes when every required daemon was heard of since its task was started", async () => {
    expect(
      (
        await gate([
          [status("SENSOR", -5), status("SCHEDULER", 2)],
          [status("SENSOR", 3), status("SCHEDULER", 2)],
        ])
      ).cause,
    ).toBeNull();
  });

  test("does not wait for a daemon that is not required", async () => {
    expect((await gate([[status("SENSOR", 1), status("MONITORING", null, false)]])).cause).toBeNull();
  });

  test.each<[string, readonly DaemonStatus[], string]>([
    ["heartbeats of the daemon before it", [status("SENSOR", -1)], "no heartbeat yet of SENSOR"],
    ["none at all", [status("SENSOR", null), status("ASSET", null)], "SENSOR, ASSET"],
    ["no daemon that is required", [], "names no daemon"],
  ])("fails on %s, although Dagster calls them healthy", async (_, statuses, words) => {
    const { cause } = await gate([statuses]);
    expect(cause?.id).toBe("daemon-silent");
    expect(cause?.what).toContain(words);
  });
});

describe("the gate of the webserver", () => {
  const gate = (info: () => Promise<unknown>): Promise<GateResult> => {
    const { context, clock } = testContext();
    const dagster = { ask: () => Promise.reject(new Error("not asked here")), serverInfo: info };
    return clock.run(
      webserverGate(dagster, context, { service: "webserver", each: null, version: null, timeoutSeconds: 10 }),
    );
  };

  test("passes when it says its version", async () => {
    const result = await gate(() => Promise.resolve({ dagster_webserver_version: "1.13.27" }));
    expect(result.cause).toBeNull();
    expect(result.seen).toBe("Dagster 1.13.27");
  });

  test("fails when something else answers under its address", async () => {
    expect((await gate(() => Promise.resolve({ status: "ok" }))).cause?.what).toContain("not Dagster's webserver");
  });

  test("passes on what is no weather: an error it does not know ends it at once", async () => {
    await expect(gate(() => Promise.reject(new Error("a bug")))).rejects.toThrow("a bug");
  });
});
