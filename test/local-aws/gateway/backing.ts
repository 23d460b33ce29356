import { Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { requestsOfBacking } from "../access/backing-calls.ts";
import { deniedCall, policyOf } from "../access/denial.ts";
import type { Fault } from "../faults.ts";
import type { LocalAws } from "../local-aws.ts";
import type { MovableClock } from "../movable-clock.ts";
import { type BackingCall, readBackingCall } from "./backing-call.ts";
import {
  administrator,
  assumedRoleArn,
  type Caller,
  callerOf as sessionCallerOf,
  refusedCaller,
} from "../neighbours/sessions.ts";
import { sessionTokenOf } from "../wire/route.ts";
import { callerOf, registryPassword, signedAddress } from "./callers.ts";
import { type FaultAnswer, faultAnswer } from "./fault-answers.ts";

/** The services that are not ours: where they are, and what the gateway adds to them. */
export interface BackingOptions {
  readonly ministack: { readonly host: string; readonly port: number };
  readonly aws: Pick<LocalAws, "faults" | "account" | "region" | "neighbours">;
  readonly clock: MovableClock;
}

/** Hands requests on, streamed both ways. */
export interface Backing {
  /** Reads the call, answers it, and resolves with what it was when the answer is on its way. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<BackingCall>;
  close(): void;
}

const objectWrites = new Set(["PutObject", "CopyObject", "CompleteMultipartUpload"]);

export function createBacking(options: BackingOptions): Backing {
  const world: World = { ...options, agent: new Agent({ keepAlive: true, maxSockets: 64 }), written: new Map() };
  return {
    close: () => world.agent.destroy(),
    serve: async (request, response) => {
      const { method = "GET", url = "/", headers } = request;
      const call = readBackingCall({ method, url, headers });
      await answerCall(world, { call, request, response, body: null }).catch((error: unknown) => {
        // Who goes away in the middle has made a call all the same.
        if (!response.destroyed) throw error;
      });
      return call;
    },
  };
}

interface World extends BackingOptions {
  readonly agent: Agent;
  /** The bed's time at which objects were last written, by bucket and key: headers tell it in whole seconds only. */
  readonly written: Map<string, number>;
}

interface Exchange {
  readonly call: BackingCall;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Where it has been read already. */
  readonly body: string | null;
}

async function answerCall(world: World, asked: Exchange): Promise<void> {
  const { call, request, response } = asked;
  const { role: caller, session, state } = whoAsks(world, request);
  const signed = signedAddress(request.url ?? "/");
  if (signed !== null && world.clock.now() > signed.endsAt) {
    request.resume();
    const expired = { kind: "error", status: 403, name: "AccessDenied", message: "Request has expired" } as const;
    return send(response, faultAnswer(expired, call, ""));
  }
  const exchange = await readForPolicy(world, asked, caller);
  const struck =
    caller === administrator
      ? []
      : [
          ...refusedCaller(state),
          ...world.aws.faults.striking({ ...call, caller }),
          ...denials(world, exchange, caller, session),
        ];
  for (const { what } of struck) if (what.kind === "latency") await sleep(what.milliseconds);
  const fault = struck.find(({ what }) => what.kind !== "latency");
  if (fault !== undefined) {
    if (fault.when === "after") (await ask(world, exchange)).resume();
    else request.resume();
    send(response, faultAnswer(fault.what, call, assumedRoleArn(world.aws.account, caller)));
  } else if (call.service === "ssm" && call.operation === "GetParameter") await answerParameter(world, exchange);
  else await handOn(world, exchange, await ask(world, exchange));
}

/** What a call to a JSON service names is in its body. */
async function readForPolicy(world: World, exchange: Exchange, role: string): Promise<Exchange> {
  if (exchange.call.protocol !== "json" || policyOf(world.aws.neighbours, role) === null) return exchange;
  return { ...exchange, body: await text(exchange.request) };
}

/** What the policy of its caller does not allow. */
function denials(
  { aws: { account, region, neighbours } }: World,
  { call, request: { url = "/", headers }, body }: Exchange,
  role: string,
  session: string,
): readonly Fault[] {
  const policy = policyOf(neighbours, role);
  if (policy === null) return [];
  const copySource = String(headers["x-amz-copy-source"] ?? "");
  const input: unknown = body === null || body === "" ? null : JSON.parse(body);
  const requests = requestsOfBacking({ call, url, copySource, input }, { account, region });
  return deniedCall(neighbours, policy, requests, `${call.service}:${call.operation}`, { account, role, session });
}

const parameterSchema = z.looseObject({ Name: z.string() });
const secretSchema = z.looseObject({ ARN: z.string(), SecretString: z.string() });
const referencePrefix = "/aws/reference/secretsmanager/";

/**
 * SSM gives secrets of Secrets Manager under a name of its own, which ministack does not know.
 * Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
 */
async function answerParameter(world: World, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const body = exchange.body ?? (await text(request));
  const asked = parameterSchema.safeParse(body === "" ? null : JSON.parse(body));
  const name = asked.success ? asked.data.Name : "";
  if (!name.startsWith(referencePrefix)) return handOn(world, exchange, await ask(world, exchange, { body }));
  const answer = await ask(world, exchange, {
    body: JSON.stringify({ SecretId: name.slice(referencePrefix.length) }),
    target: "secretsmanager.GetSecretValue",
  });
  const found = secretSchema.safeParse(JSON.parse(await text(answer)));
  const Parameter = found.success && {
    Name: name,
    Type: "SecureString",
    Value: found.data.SecretString,
    ARN: found.data.ARN,
  };
  const said = found.success
    ? { Parameter }
    : {
        __type: "ParameterNotFound",
        message: `An error occurred (ResourceNotFoundException) when referencing Secrets Manager: Secret ${name} not found.`,
      };
  response.writeHead(found.success ? 200 : 400, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(said));
}

function whoAsks({ aws, clock }: World, { headers, url = "/" }: IncomingMessage): Caller {
  const token = signedAddress(url)?.sessionToken ?? sessionTokenOf(headers);
  return sessionCallerOf(aws.neighbours.sessions, callerOf(headers, url), token, clock.now());
}

/** @param instead of what was asked, once its body has been read */
function ask(
  { ministack, agent }: World,
  { request, body }: Exchange,
  instead: { readonly body: string; readonly target?: string } | null = body === null ? null : { body },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method = "GET", url = "/" } = request;
    const headers = instead === null ? request.headers : headersInstead(request.headers, instead);
    const path = signedAddress(url)?.url ?? url;
    const onward = httpRequest({ host: ministack.host, port: ministack.port, agent, method, path, headers });
    onward.on("response", resolve);
    onward.on("error", reject);
    if (instead === null) pipeline(request, onward).catch(reject);
    else onward.end(instead.body);
  });
}

function headersInstead(
  { "transfer-encoding": _chunked, ...headers }: IncomingMessage["headers"],
  { body, target }: { readonly body: string; readonly target?: string },
): IncomingMessage["headers"] {
  const length = { "content-length": String(Buffer.byteLength(body)) };
  return { ...headers, ...length, ...(target === undefined ? {} : { "x-amz-target": target }) };
}

async function handOn(world: World, exchange: Exchange, answer: IncomingMessage): Promise<void> {
  const { call, request, response } = exchange;
  const caller = whoAsks(world, request);
  const [hidden] = answer.statusCode === 404 ? hiddenObject(world, exchange, caller) : [];
  if (hidden !== undefined) {
    answer.resume();
    return send(response, faultAnswer(hidden.what, call, assumedRoleArn(world.aws.account, caller.role)));
  }
  if (objectWrites.has(call.operation) && answer.statusCode === 200) {
    world.written.set(call.resource, world.clock.now());
  }
  const headers = { ...answer.headers, ...times(world, call, answer) };
  if (headers.location !== undefined) {
    headers.location = hereInstead(headers.location, request.headers.host ?? "", world.ministack);
  }
  const rewrite = rewriteOf(world, exchange, answer);
  if (rewrite === null) {
    response.writeHead(answer.statusCode ?? 502, headers);
    await pipeline(answer, response);
    return;
  }
  const body = rewrite(await text(answer));
  // The length, and whatever was computed over the body, no longer hold.
  const { "transfer-encoding": _chunked, "x-amz-crc32": _checksum, ...kept } = headers;
  response.writeHead(answer.statusCode ?? 502, { ...kept, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** What must be changed in a body; null when it can go through as it is. */
function rewriteOf(
  world: World,
  { call, request }: Exchange,
  answer: IncomingMessage,
): ((body: string) => string) | null {
  const { clock } = world;
  if (answer.statusCode !== 200) return null;
  if (call.service === "ecr" && call.operation === "GetAuthorizationToken") {
    return (body) => authorizationFor(body, request.headers.host ?? "", whoAsks(world, request).role);
  }
  if (call.service === "s3" && answer.headers["content-type"]?.includes("xml") === true && isMoved(clock)) {
    return (body) =>
      body.replaceAll(/(?<=<LastModified>)[^<]+/g, (time) => new Date(clock.at(Date.parse(time))).toISOString());
  }
  return null;
}

/**
 * Whoever may not list a bucket is not told that it has no such object. A right to list below a prefix is enough for keys below it:
 * that is not in AWS's documentation, but somebody has tried it.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions"; https://github.com/kopia/kopia/pull/3072
 */
function hiddenObject({ aws: { account, neighbours } }: World, { call }: Exchange, caller: Caller): readonly Fault[] {
  const policy = policyOf(neighbours, caller.role);
  if (policy === null || !["GetObject", "HeadObject"].includes(call.operation)) return [];
  const [bucket = "", prefix = ""] = call.resource.split(/\/(.*)/s);
  const context = { "s3:prefix": prefix };
  const requests = [{ action: "s3:ListBucket", resource: `arn:aws:s3:::${bucket}`, context }];
  return deniedCall(neighbours, policy, requests, "s3:ListBucket", { account, ...caller });
}

function isMoved(clock: MovableClock): boolean {
  const machine = Date.now();
  return clock.at(machine) !== machine;
}

const authorizationSchema = z.looseObject({ authorizationData: z.array(z.looseObject({})) });

/** The registry is where the API is; and its password says who asked for it. */
function authorizationFor(body: string, host: string, caller: string): string {
  const answer = authorizationSchema.parse(JSON.parse(body));
  const authorizationToken = Buffer.from(`AWS:${registryPassword(caller)}`).toString("base64");
  return JSON.stringify({
    ...answer,
    authorizationData: answer.authorizationData.map((data) => ({
      ...data,
      authorizationToken,
      proxyEndpoint: `http://${host}`,
    })),
  });
}

/** Times in the headers, in the bed's time. */
function times(
  { clock, written }: World,
  { resource }: BackingCall,
  { headers }: IncomingMessage,
): Readonly<Record<string, string>> {
  const modified = headers["last-modified"];
  const text = (at: number): string => new Date(at).toUTCString();
  return {
    date: text(clock.now()),
    ...(modified === undefined
      ? {}
      : { "last-modified": text(written.get(resource) ?? clock.at(Date.parse(modified))) }),
  };
}

function hereInstead(location: string, host: string, { host: there, port }: BackingOptions["ministack"]): string {
  return location.replace(`//${there}:${port}/`, `//${host}/`);
}

function send(response: ServerResponse, answer: FaultAnswer): void {
  if (answer === null) return void response.destroy();
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}
