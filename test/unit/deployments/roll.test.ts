import { jest } from "@jest/globals";
import {
  DescribeServicesCommand,
  type DescribeServicesCommandOutput,
  DescribeTasksCommand,
  type DescribeTasksCommandOutput,
  ListTasksCommand,
  type Service,
  StopServiceDeploymentCommand,
} from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../../src/aws/ecs.ts";
import { AwsError } from "../../../src/aws/error.ts";
import { observeServices, roll } from "../../../src/deployments/index.ts";
import { observeDigests } from "../../../src/deployments/observe.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { digestSchema } from "../../../src/domain/identifiers.ts";
import type { Verdict } from "../../../src/domain/verdict.ts";
import { breakerWithRollback, existing } from "../local-aws/stage.ts";
import { caller, openScene, request, type Scene } from "./scene.ts";
import { errorOf } from "../../error-of.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

const scenes: Scene[] = [];

async function open(...options: Parameters<typeof openScene>): Promise<Scene> {
  const scene = await openScene(...options);
  scenes.push(scene);
  return scene;
}

afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.aws.close();
});

/** Services `app-1` to `app-n`, each with one task of `app:1`. */
async function createServices(scene: Scene, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_, index) => `app-${index + 1}`);
  for (const serviceName of names) {
    await scene.ecs.createService({
      cluster: "main",
      serviceName,
      taskDefinition: "app:1",
      desiredCount: 1,
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
    });
  }
  await scene.pass(300);
  return names;
}

function isStop(command: object): boolean {
  return command instanceof StopServiceDeploymentCommand;
}

/** ListTasks gives two tasks a page. */
function inSmallPages(scene: Scene): Scene["clients"] {
  const ecs: EcsSend = (command, options) => {
    if (command instanceof ListTasksCommand) Object.assign(command.input, { maxResults: 2 });
    return scene.clients.ecs(command, options);
  };
  return { ...scene.clients, ecs };
}

describe("Before anything is written", () => {
  test.each([
    { what: "There is no service other.", changes: { service: "other" } },
    { what: "There is no task definition app:99.", changes: { taskDefinition: "app:99" } },
    { what: "nothing would show whether", changes: { desiredCount: 0 } },
    { what: "does not name one revision", changes: { taskDefinition: "app" } },
    {
      what: "A digest is asked of container other; app:1 has app.",
      changes: { taskDefinition: "app:1", digests: { other: digestSchema.parse(`sha256:${"a".repeat(64)}`) } },
    },
  ])("a request is refused: $what", async ({ what, changes }) => {
    const scene = await open();
    const thrown = await scene.run(errorOf(roll(scene.clients, scene.context, request(changes))));
    expect(thrown).toBeInstanceOf(UserError);
    expect((thrown as UserError).what).toContain(what);
    expect(scene.written()).toEqual([]);
  });

  test("a revision that was deregistered is refused", async () => {
    const scene = await open();
    await scene.ecs.deregisterTaskDefinition({ taskDefinition: await scene.register() });
    const thrown = await scene.run(errorOf(roll(scene.clients, scene.context, request())));
    expect((thrown as UserError).what).toBe("Task definition app:2 is INACTIVE: it was deregistered.");
    expect(scene.written()).toEqual([]);
  });

  test("a service that was deleted is refused", async () => {
    const scene = await open();
    await scene.register();
    await scene.ecs.deleteService({ cluster: "main", service: "app", force: true });
    const thrown = await scene.run(errorOf(roll(scene.clients, scene.context, request())));
    expect((thrown as UserError).what).toMatch(/is (INACTIVE|DRAINING): it was deleted/);
    expect(scene.written()).toEqual([]);
  });
});

describe("The start", () => {
  test("sends what changes, and nothing else", async () => {
    const scene = await open();
    await scene.register();
    await scene.run(roll(scene.clients, scene.context, request({ desiredCount: 1 })));
    const [update] = scene.aws.calls.filter((call) => call.caller === caller && call.operation === "UpdateService");
    expect(update?.input).toEqual({ cluster: "main", service: "app", taskDefinition: "app:2" });
  });

  test("that AWS refuses is told with the statement that allows it", async () => {
    const scene = await open();
    await scene.register();
    scene.aws.faults.inject({ on: "ecs:UpdateService", caller, what: { kind: "access-denied" } });
    const thrown = await scene.run(errorOf(roll(scene.clients, scene.context, request())));
    expect(thrown).toBeInstanceOf(AwsError);
    expect((thrown as AwsError).fix).toContain('"Action":"ecs:UpdateService"');
    expect((thrown as AwsError).where).toContain("service app in cluster main");
  });

  test("whose answer is lost is not sent again when it has arrived", async () => {
    const scene = await open();
    await scene.register();
    const lost = { on: "ecs:UpdateService", caller, what: { kind: "reset" }, times: 1, when: "after" } as const;
    scene.aws.faults.inject(lost);
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    const { serviceDeployments } = await scene.ecs.listServiceDeployments({ cluster: "main", service: "app" });
    expect(serviceDeployments).toHaveLength(2);
    expect(verdict).toMatchObject({ verdict: "succeeded", from: { revision: 1 }, to: { revision: 2 } });
  });
});

describe("The watching", () => {
  test("looks every three seconds, from the first to the last", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 300 });
    await scene.register();
    await scene.run(roll(scene.clients, scene.context, request()));
    const looks = scene.aws.calls
      .filter((call) => call.caller === caller && call.operation === "DescribeServices")
      .map(({ at }) => at);
    const steps = new Set(looks.slice(2).map((at, index) => at - (looks[index + 1] ?? 0)));
    expect(steps).toEqual(new Set([3000]));
  });

  test("tells what can only repeat as soon as the second has failed, while ECS still puts away its network", async () => {
    const scene = await open();
    const log = [{ text: "KeyError: 'DATABASE'" }];
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 15, log });
    await scene.register();
    const { verdict } = await scene.run(roll(scene.clients, scene.context, request({ failEarly: true })));
    const { taskArns } = await scene.ecs.listTasks({ cluster: "main", serviceName: "app", desiredStatus: "STOPPED" });
    const { tasks = [] } = await scene.ecs.describeTasks({ cluster: "main", tasks: taskArns });
    expect(verdict).toBe("failed");
    expect(new Set(tasks.map(({ lastStatus }) => lastStatus))).toEqual(new Set(["DEPROVISIONING", "STOPPED"]));
  });

  test("reads nothing but the service while nothing changes", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 600 });
    await scene.register();
    await scene.run(roll(scene.clients, scene.context, request()));
    const others = scene.asked().filter((call) => call !== "DescribeServices ok");
    expect(others.length).toBeLessThan(25);
  });

  test("says each change once, and each event of ECS once, as foreign words", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 20 });
    await scene.register();
    await scene.run(roll(scene.clients, scene.context, request({ desiredCount: 2 })));
    const lines = scene.lines();
    expect(lines[0]).toBe("app  0/2 running, 0 pending, 0 failed, 1 old · 0 s");
    expect(lines).toContainEqual(expect.stringMatching(/^app {2}0\/2 running, \d pending, 0 failed, 1 old · \d+ s$/));
    expect(lines.at(-1)).toMatch(/^app {2}2\/2 running, 0 pending, 0 failed · \d+ s$/);
    expect(new Set(lines.map((line) => line.split(" · ")[0])).size).toBe(lines.length);
    const events = scene.foreign();
    expect(new Set(events).size).toBe(events.length);
    expect(events).toContainEqual(expect.stringContaining("has reached a steady state"));
    expect(events.filter((text) => text.includes("has started"))).not.toHaveLength(0);
  });

  test("says at once why a task failed", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2 });
    await scene.register();
    await scene.run(roll(scene.clients, scene.context, request({ timeoutSeconds: 60 })));
    expect(scene.lines()).toContainEqual(
      expect.stringMatching(/^app {2}task [0-9a-f]{32} failed: container app exited with code 3$/),
    );
    expect(scene.foreign()).toContain("Essential container in task exited");
  });

  test("overlooks a service that is missing once", async () => {
    const scene = await open();
    await scene.register();
    let left = 1;
    const ecs: EcsSend = async (command, options) => {
      const output = await scene.clients.ecs(command, options);
      const isLook = command instanceof DescribeServicesCommand && scene.written().length > 0;
      return isLook && left-- > 0 ? { ...output, services: [], failures: [{ reason: "MISSING" }] } : output;
    };
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request()));
    expect(left).toBeLessThan(0);
    expect(verdict.verdict).toBe("succeeded");
  });

  test("ends at once when the session of the job expires, with what was begun, and says what to do", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 600 });
    await scene.register();
    scene.later(40, () => scene.aws.faults.inject({ on: "ecs:*", caller, what: { kind: "expired-token" } }));
    const begun = scene.clock.product.now();
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "not-readable" } });
    expect(verdict.deploymentId).toBe((await scene.primary()).id);
    expect(verdict.cause?.what).toMatch(/session of this job is over.*ECS goes on with app:2/);
    expect(verdict.cause?.fix).toContain("role-duration-seconds");
    expect(scene.clock.product.now() - begun).toBeLessThan(45_000);
  });

  test("ends at once when ECS may not be read", async () => {
    const scene = await open();
    await scene.register();
    scene.later(10, () =>
      scene.aws.faults.inject({ on: "ecs:DescribeServices", caller, what: { kind: "access-denied" } }),
    );
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "not-readable" } });
    expect(verdict.cause?.fix).toContain('"Action":"ecs:DescribeServices"');
  });
});

describe("A service that runs the wanted revision already", () => {
  /** ECS's answers with a service that is told otherwise. */
  const told = (scene: Scene, change: (service: Service) => Partial<Service>): Scene["clients"] => {
    const ecs: EcsSend = async (command, options) => {
      const output = await scene.clients.ecs(command, options);
      const { services } = output as DescribeServicesCommandOutput;
      return services === undefined
        ? output
        : { ...output, services: services.map((one) => ({ ...one, ...change(one) })) };
    };
    return { ...scene.clients, ecs };
  };

  test("is known as steady by what ECS said before, behind a Classic Load Balancer, which knows no states", async () => {
    const scene = await open();
    const clients = told(scene, ({ deployments = [] }) => ({
      deployments: deployments.map((one) => ({ ...one, rolloutState: undefined })),
    }));
    const begun = scene.clock.product.now();
    const verdict = await scene.run(roll(clients, scene.context, request({ taskDefinition: "app:1" })));
    expect(verdict.verdict).toBe("unchanged");
    expect(scene.clock.product.now() - begun).toBeLessThan(10_000);
    expect(scene.written()).toEqual([]);
  });

  test("and has no place for its tasks is told so, though ECS said it before", async () => {
    const scene = await open();
    const message = "(service app) was unable to place a task. Reason: Capacity is unavailable at this time.";
    const createdAt = new Date(scene.clock.product.now() - 60_000);
    const clients = told(scene, ({ deployments = [], events = [] }) => ({
      runningCount: 0,
      deployments: deployments.map((one) => ({ ...one, runningCount: 0 })),
      events: [{ id: "unplaced", createdAt, message }, ...events],
    }));
    const verdict = await scene.run(
      roll(clients, scene.context, request({ taskDefinition: "app:1", timeoutSeconds: 60 })),
    );
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "task-not-placed" } });
    expect(verdict.evidence.map(({ text }) => text.untrusted)).toContainEqual(message);
  });
});

describe("A crash loop that ECS does not end", () => {
  const rules = { plainExitCounts: false } as const;
  const crashing = async (): Promise<Scene> => {
    const scene = await open({ rules, service: { deploymentConfiguration: breakerWithRollback } });
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2 });
    await scene.register();
    return scene;
  };

  test("is stopped where the service is one that ECS takes back", async () => {
    const scene = await crashing();
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "rolled-back", cause: { id: "container-exited" } });
    expect(verdict.cause?.what).toMatch(/this job told it to go back\..*took the service back to app:1/);
    expect(scene.written()).toEqual(["UpdateService ok", "StopServiceDeployment ok"]);
  });

  test("is a failure when this job could not stop it, and that is said", async () => {
    const scene = await crashing();
    scene.aws.faults.inject({ on: "ecs:StopServiceDeployment", caller, what: { kind: "access-denied" } });
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "failed", cause: { id: "container-exited" } });
    expect(verdict.cause?.what).toMatch(/this job could not stop it.*ECS goes on with app:2/);
    expect(verdict.seconds).toBeLessThan(300);
  });

  test("is waited for when it was stopped by somebody in the same moment", async () => {
    const scene = await crashing();
    const conflict = { kind: "error", name: "ConflictException", message: "It is finished." } as const;
    const ecs: EcsSend = async (command, options) => {
      if (!isStop(command)) return scene.clients.ecs(command, options);
      const { serviceDeploymentArn } = await scene.serviceDeployment();
      await scene.ecs.stopServiceDeployment({ serviceDeploymentArn: existing(serviceDeploymentArn) });
      scene.aws.faults.inject({ on: "ecs:StopServiceDeployment", caller, what: conflict, times: 1 });
      return scene.clients.ecs(command, options);
    };
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request()));
    expect(verdict.verdict).toBe("rolled-back");
  });
});

describe("What lies behind a service", () => {
  test("is read again at the end: a failure that could not be seen before is the cause", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2 });
    await scene.register();
    let looked = false;
    const ecs: EcsSend = async (command, options) => {
      if (command instanceof DescribeServicesCommand) looked = false;
      if (command instanceof ListTasksCommand && !looked) {
        looked = true;
        throw new AwsError({ ...listing, attempts: 6, failure: { ...failing, kind: "throttled" } }, null);
      }
      return scene.clients.ecs(command, options);
    };
    const listing = { service: { name: "ECS", prefix: "ecs" }, operation: "ListTasks", resource: null };
    const failing = { code: "ThrottlingException", message: "", requestId: null, refused: true };
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request({ timeoutSeconds: 60 })));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "container-exited" } });
  });

  test("is read page by page", async () => {
    const scene = await open({ service: { deploymentConfiguration: breakerWithRollback } });
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2 });
    await scene.register();
    const verdict = await scene.run(roll(inSmallPages(scene), scene.context, request()));
    expect(verdict.cause?.what).toContain("failed 3 times");
  });

  test("is not what happened to tasks of another deployment", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 7200 });
    await scene.register();
    scene.later(30, async () => {
      const { taskArns = [] } = await scene.ecs.listTasks({ cluster: "main", family: "app" });
      const { tasks = [] } = await scene.ecs.describeTasks({ cluster: "main", tasks: taskArns });
      const old = tasks.find(({ taskDefinitionArn }) => taskDefinitionArn?.endsWith("app:1"));
      await scene.ecs.stopTask({ cluster: "main", task: existing(old?.taskArn) });
    });
    const verdict = await scene.run(roll(scene.clients, scene.context, request({ timeoutSeconds: 120 })));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "slow" } });
  });

  test("is asked again after one bad answer about the service deployment", async () => {
    const scene = await open();
    await scene.register();
    const bad = { kind: "error", name: "InvalidParameterException", message: "not known here" } as const;
    scene.aws.faults.inject({ on: "ecs:DescribeServiceDeployments", caller, what: bad, times: 1 });
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict.verdict).toBe("succeeded");
    expect(scene.lines().join()).not.toContain("is not allowed");
    const asked = scene.asked().filter((call) => call.startsWith("DescribeServiceDeployments"));
    expect(asked).toEqual(["DescribeServiceDeployments invalid", ...asked.slice(1)]);
    expect(asked.at(-1)).toBe("DescribeServiceDeployments ok");
  });

  test("must be readable where a digest is to be proved", async () => {
    const scene = await open();
    await scene.register();
    for (const operation of ["DescribeServiceRevisions", "ListTasks"]) {
      scene.aws.faults.inject({ on: `ecs:${operation}`, caller, what: { kind: "access-denied" } });
    }
    const digests = { app: digestSchema.parse(`sha256:${"a".repeat(64)}`) };
    const verdict = await scene.run(roll(scene.clients, scene.context, request({ digests })));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "not-readable" } });
    expect(verdict.cause?.fix).toContain('"Action":"ecs:ListTasks"');
    expect(verdict.seconds).toBeLessThan(300);
  });

  test("may be good at the very moment at which the time is over", async () => {
    const seconds = async (timeoutSeconds: number): Promise<Verdict> => {
      const scene = await open();
      await scene.register();
      return scene.run(roll(scene.clients, scene.context, request({ timeoutSeconds })));
    };
    const free = await seconds(1800);
    expect(await seconds(free.seconds)).toMatchObject({ verdict: "succeeded", seconds: free.seconds });
  });
});

describe("A log that may not be read", () => {
  test("is evidence of that, and the verdict stands", async () => {
    const scene = await open();
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2 });
    await scene.register();
    const refusal = { service: { name: "CloudWatch Logs", prefix: "logs" }, operation: "GetLogEvents", resource: null };
    const failure = { kind: "denied", code: "AccessDenied", message: "", requestId: null, refused: true } as const;
    const clients = {
      ...scene.clients,
      logs: () => Promise.reject(new AwsError({ ...refusal, attempts: 1, failure }, null)),
    };
    const verdict = await scene.run(roll(clients, scene.context, request({ timeoutSeconds: 60 })));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "container-exited" } });
    expect(verdict.evidence.find(({ kind }) => kind === "call")?.text.untrusted).toContain("logs:GetLogEvents");
  });
});

describe("A cancelled rollout", () => {
  test("has a verdict within the second, without asking AWS again, and ECS goes on", async () => {
    const scene = await open();
    await scene.register();
    let asked = 0;
    scene.later(31.5, () => {
      asked = scene.asked().length;
      scene.abort();
    });
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "cancelled", seconds: 31.5, to: { revision: 2 } });
    expect(scene.asked()).toHaveLength(asked);
    expect(verdict.evidence.filter(({ kind }) => kind === "call")).toEqual([]);
    await scene.untilSettled();
    expect((await scene.service()).taskDefinition).toMatch(/app:2$/);
  });

  test("that had not begun writes nothing", async () => {
    const scene = await open();
    await scene.register();
    scene.abort();
    const verdict = await scene.run(roll(scene.clients, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "cancelled", deploymentId: null });
    expect(scene.asked()).toEqual([]);
  });
});

describe("Several services", () => {
  test("each have their own end", async () => {
    const scene = await open({ service: { deploymentConfiguration: breakerWithRollback } });
    const [one = "", two = ""] = await createServices(scene, 2);
    await scene.register();
    scene.runtime.script("app:3", { kind: "never-starts", reason: "CannotPullContainerError: not found" });
    await scene.register();
    scene.runtime.script("app:4", { kind: "healthy", startsAfterSeconds: 3600 });
    await scene.register();
    const verdicts = await scene.run(
      Promise.all(
        [
          request({ service: one, taskDefinition: "app:4", timeoutSeconds: 90 }),
          request({ taskDefinition: "app:3" }),
          request({ service: two, taskDefinition: "app:2" }),
        ].map((one) => roll(scene.clients, scene.context, one)),
      ),
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["timed-out", "rolled-back", "succeeded"]);
  });
});

describe("What is observed", () => {
  test("is asked ten services at a time", async () => {
    const scene = await open();
    const names = await createServices(scene, 12);
    const seen = await scene.run(observeServices(scene.clients.ecs, "main", names));
    expect(Object.values(seen).map((one) => one?.name)).toEqual(names);
    const batches = scene.aws.calls.flatMap(({ caller: by, operation, input }) =>
      by === caller && operation === "DescribeServices" ? [(input as { services: string[] }).services.length] : [],
    );
    expect(batches).toEqual([10, 2]);
  });

  test("are all digests that a container runs, when tasks differ and only they can be asked", async () => {
    const scene = await open({ service: { desiredCount: 3 } });
    scene.aws.faults.inject({ on: "ecs:DescribeServiceRevisions", caller, what: { kind: "access-denied" } });
    const of = (letter: string): string => `sha256:${letter.repeat(64)}`;
    let asked = 0;
    const ecs: EcsSend = async (command, options) => {
      const answer = await inSmallPages(scene).ecs(command, options);
      if (!(command instanceof DescribeTasksCommand)) return answer;
      const { tasks = [] } = answer as DescribeTasksCommandOutput;
      const told = tasks.map((task) => {
        asked += 1;
        const imageDigest = of(asked === 1 ? "b" : "a");
        return { ...task, containers: task.containers?.map((container) => ({ ...container, imageDigest })) };
      });
      return { ...answer, tasks: told };
    };
    const { app } = await scene.run(observeServices(ecs, "main", ["app"]));
    const seen = existing(app);
    const digests = await scene.run(observeDigests(ecs, "main", seen, existing(seen.revision)));
    expect(asked).toBe(3);
    expect([...(digests["app"] ?? [])].sort()).toEqual([of("a"), of("b")]);
  });

  test("is each service by its name, and null for one that is not there", async () => {
    const scene = await open({ service: { deploymentConfiguration: breakerWithRollback } });
    const seen = await scene.run(observeServices(scene.clients.ecs, "main", ["app", "other"]));
    expect(seen["other"]).toBeNull();
    expect(seen["app"]).toMatchObject({
      status: "ACTIVE",
      revision: { family: "app", revision: 1 },
      desiredCount: 1,
      primary: { state: "COMPLETED" },
      rollout: { minimumHealthyPercent: 100, maximumPercent: 200, breaker: { rollback: true } },
      network: { subnets: ["subnet-1"], securityGroups: ["sg-1"], publicAddress: false },
    });
  });

  test.each([{ refused: [] }, { refused: ["DescribeServiceRevisions"] }])(
    "are the digests that run, when $refused is refused",
    async ({ refused }) => {
      const scene = await open();
      for (const name of refused) {
        scene.aws.faults.inject({ on: `ecs:${name}`, caller, what: { kind: "access-denied" } });
      }
      const { app } = await scene.run(observeServices(scene.clients.ecs, "main", ["app"]));
      const seen = existing(app);
      const digests = await scene.run(observeDigests(scene.clients.ecs, "main", seen, existing(seen.revision)));
      expect(digests).toEqual({ app: [expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string] });
    },
  );
});
