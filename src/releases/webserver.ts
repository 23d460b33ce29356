import { type Home, partitionOf, secretArn } from "../aws/arn.ts";
import { messageOf, showPlace, UserError } from "../domain/errors.ts";
import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import type { Dagster } from "../dagster/client.ts";
import { observeServices } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { showRevision } from "../domain/verdict.ts";
import type { AskerRequest } from "../gates/probe/asker.ts";
import { askerDefinition, type AskerLogin } from "../gates/probe/definition.ts";
import type { GateLogin, Stack, Webserver } from "../stack/stack.ts";
import { ecsName } from "../stack/tasks.ts";
import { environmentTag, stackTag } from "../task-definitions/definition.ts";
import { containerIn, containersOf, logIn } from "../task-definitions/existing.ts";
import { definitionOf } from "../task-definitions/observe.ts";
import { registerDefinition } from "../task-definitions/register.ts";
import type { LogStream } from "../tasks/follow-log.ts";
import type { Clients, Connections } from "./connections.ts";
import { valueFromOf } from "./definitions.ts";
import { loginOf, sentBy } from "./login.ts";

/** A stack's webserver, as this release asks it. */
export interface AskedWebserver {
  /** null: no webserver has an address. */
  readonly dagster: Dagster | null;
  /** The same for who changes nothing: neither starts a task nor reads a secret, and says so. */
  readonly forPlan: Dagster | null;
  /** One of its tasks, by its address in the VPC. */
  at(url: string): Dagster;
  /** Questions come from inside the VPC. */
  readonly isInside: boolean;
  /** Ends whatever was started to ask it. */
  close(): Promise<void>;
}

/** The key of the letter to the task that asks, below the stack's prefix. */
const letterKey = "probe.json";

/** The webservers of a stack, in the order of its file. */
export function webserversOf({ services }: Pick<Stack, "services">): readonly Webserver[] {
  return Object.values(services).filter((service) => service.kind === "webserver");
}

/** Nothing is asked, or started, before the first question. */
export function openWebserver(
  context: Context,
  connections: Pick<Connections, "webserver" | "probe">,
  clients: Clients,
  stack: Stack,
  records: { readonly name: string; readonly prefix: string },
): AskedWebserver {
  const { gates } = stack;
  const webservers = webserversOf(stack);
  const nothing = {
    dagster: null,
    forPlan: null,
    at: (url: string) => connections.webserver(context, { url, login: null }),
    isInside: false,
    close: () => Promise.resolve(),
  };
  if (gates.reach === "task") {
    const [found] = webservers.flatMap((service) => {
      const url = addressInside(service);
      return url === null ? [] : [{ service, url }];
    });
    if (found === undefined) return nothing;
    const { service, url } = found;
    const letter = { bucket: records.name, key: `${records.prefix}${letterKey}` };
    const task = async (): Promise<AskerRequest> => ({ letter, ...(await likeService(clients, stack, service)) });
    const login = gates.auth === null ? null : sentBy(gates.auth);
    const probe = connections.probe(context, clients, { url, login, task });
    const forPlan = unasked(
      service,
      "is asked by a task in the VPC (`gates: { reach: task }`), which a plan does not start",
    );
    const at = (one: string): Dagster => probe.at(one);
    return { dagster: probe.dagster, forPlan, at, isInside: true, close: () => closed(context, probe) };
  }
  const [found] = webservers.flatMap((service) => (service.url === null ? [] : [{ service, url: service.url }]));
  if (found === undefined) return nothing;
  const { service, url } = found;
  const login = gates.auth === null ? null : loginOf(clients, context, gates.auth);
  const dagster = connections.webserver(context, { url, login });
  if (gates.auth === null) return { ...nothing, dagster, forPlan: dagster };
  const forPlan = unasked(service, "is behind a login (`gates: auth`), whose secret a plan does not read");
  return { ...nothing, dagster, forPlan };
}

/** Under which address tasks of the VPC reach it: by its own name, or else as everybody does. */
export function addressInside({ address, port, url }: Webserver): string | null {
  return address === null ? url : `http://${address}:${port}${prefixIn(url)}`;
}

/** `/dagster` of a webserver with `--path-prefix`: it answers below that only, whoever asks. @param url of it; null: nobody knows */
export function prefixIn(url: string | null): string {
  return url === null ? "" : new URL(url).pathname.replace(/\/+$/, "");
}

/** A failure to stop it is no failure of the release: the task ends by itself. */
async function closed({ report }: Context, probe: { close(): Promise<void> }): Promise<void> {
  try {
    await probe.close();
  } catch (error) {
    report({
      kind: "line",
      text: `the task that asked Dagster was not stopped, and ends by itself: ${messageOf(error)}`,
    });
  }
}

function unasked({ key, place }: Webserver, why: string): Dagster {
  const refuse = (): Promise<never> => {
    const what = `Webserver ${key} ${why}.`;
    return Promise.reject(new UserError({ what, where: place, fix: "Nothing to do: a release asks it." }));
  };
  return { ask: refuse, serverInfo: refuse };
}

/** The webserver's image and network: what runs it can run the task, and is let in where it is. */
async function likeService(
  { ecs }: Pick<Clients, "ecs">,
  { contract, file, name: stack, environment, account, region, gates }: Stack,
  webserver: Webserver,
): Promise<Omit<AskerRequest, "letter">> {
  const { service: name, tags, place } = webserver;
  const { cluster } = contract;
  const { revision, network } = (await observeServices(ecs, cluster, [name]))[name] ?? {};
  const running = revision === undefined || revision === null ? null : await definitionOf(ecs, revision);
  if (running === null || network === undefined || network === null) {
    throw new UserError({
      what: `The task that asks Dagster is to be like ECS service ${name}, which does not exist, or has no network.`,
      where: `cluster ${cluster} (${showPlace(place)})`,
      fix: `Name the webserver's service in ${file} or in the contract as it is called in ECS; one with the network mode \`bridge\` or \`host\` only a runner can ask: \`gates: { reach: runner }\`.`,
    });
  }
  const like = containerToAsk(running.content, webserver);
  if (like === null) {
    throw new UserError({
      what: `The task that asks Dagster is to be like ECS service ${name}, and its answers come through the log: of no container of ${showRevision(running.revision)} it is known that it runs the webserver and writes one by awslogs, with a group and a stream prefix.`,
      where: `cluster ${cluster} (${showPlace(place)})`,
      fix: "Give the container of the webserver such a `logConfiguration`, and name it as `container` in the stack file; or let the runner ask: `gates: { reach: runner }`.",
    });
  }
  const { container, log } = like;
  const home = { partition: partitionOf(region), account, region };
  const login = gates.auth === null ? null : givenByEcs(gates.auth, home);
  const made = { content: running.content, container: containerIn(running.content, container) ?? {} };
  const family = ecsName(`${stack}-once-asker`);
  const { arn } = await registerDefinition(ecs, family, askerDefinition(family, made, login), {
    ...tags,
    [stackTag]: stack,
    [environmentTag]: environment,
  });
  return { task: { cluster, taskDefinition: arn, container, network, tags }, log };
}

function givenByEcs(auth: GateLogin, home: Home): AskerLogin {
  if (auth.kind === "basic") return { kind: "basic", secret: secretArn(home, auth.secret) };
  const headers = Object.entries(auth.headers).map(([name, secret]) => [name, valueFromOf(secret, home)] as const);
  return { kind: "headers", headers: Object.fromEntries(headers) };
}

/**
 * Which container of a definition runs the webserver, and where its lines go: of what runs, whoever has written that. The stack file
 * tells of what is to run, which may be called otherwise and write elsewhere.
 * @returns null when that is not known
 */
export function containerToAsk(
  content: JsonMap,
  { definition, port }: Pick<Webserver, "definition" | "port">,
): { readonly container: string; readonly log: LogStream } | null {
  const containers = containersOf(content);
  const opens = (name: string): boolean => {
    const mapped = containerIn(content, name)?.["portMappings"] ?? [];
    return (
      Array.isArray(mapped) && (mapped as readonly Json[]).some((one) => isMap(one) && one["containerPort"] === port)
    );
  };
  const container = [
    ...containers.filter((name) => name === definition.container),
    ...containers.filter(() => containers.length === 1),
    ...containers.filter(opens),
  ][0];
  const log = container === undefined ? null : logIn(containerIn(content, container));
  return container === undefined || log === null ? null : { container, log };
}
