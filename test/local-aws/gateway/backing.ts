import { Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { Fault } from "../faults.ts";
import type { LocalAws } from "../local-aws.ts";
import type { MovableClock } from "../movable-clock.ts";
import type { HttpAnswer } from "../wire/route.ts";
import { type BackingCall, readBackingCall } from "./backing-call.ts";
import { callerOf, registryPassword } from "./callers.ts";
import { type FaultAnswer, faultAnswer } from "./fault-answers.ts";

/** The services that are not ours: where they are, and what the gateway adds to them. */
export interface BackingOptions {
  readonly ministack: { readonly host: string; readonly port: number };
  readonly aws: Pick<LocalAws, "faults" | "account">;
  readonly clock: MovableClock;
}

/** Hands requests on, streamed both ways. */
export interface Backing {
  /** Reads the call, answers it, and resolves with what it was when the answer is on its way. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<BackingCall>;
  close(): void;
}

interface Options extends BackingOptions {
  /** The bed's time at which objects were last written, by bucket and key: headers tell it in whole seconds only. */
  readonly written: Map<string, number>;
}

const objectWrites = new Set(["PutObject", "CopyObject", "CompleteMultipartUpload"]);

export function createBacking(given: BackingOptions): Backing {
  const options: Options = { ...given, written: new Map() };
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    close: () => agent.destroy(),
    serve: async (request, response) => {
      const { method = "GET", url = "/", headers } = request;
      const read = readBackingCall({ method, url, headers });
      // The operation of a query request is in its body, which is small.
      const body = read.protocol === "query" ? await buffer(request) : null;
      const call = body === null ? read : { ...read, operation: actionOf(body) ?? read.operation };
      const struck = options.aws.faults.striking({ ...call, caller: callerOf(headers) });
      for (const { what } of struck) if (what.kind === "latency") await sleep(what.milliseconds);
      const fault = struck.find(({ what }) => what.kind !== "latency");
      if (fault !== undefined) await answerFault(options, agent, fault, call, request, body, response);
      else if (call.service === "sts" && call.operation === "GetCallerIdentity") {
        send(response, callerIdentity(options.aws.account, callerOf(headers)));
      } else await handOn(options, call, request, await ask(options, agent, request, body), response);
      return call;
    },
  };
}

async function answerFault(
  options: Options,
  agent: Agent,
  { what, when }: Fault,
  call: BackingCall,
  request: IncomingMessage,
  body: Buffer | null,
  response: ServerResponse,
): Promise<void> {
  if (when === "after") (await ask(options, agent, request, body)).resume();
  else request.resume();
  send(response, faultAnswer(what, call, assumedRole(options.aws.account, callerOf(request.headers))));
}

/** @param body when it has been read already. */
function ask(
  { ministack }: BackingOptions,
  agent: Agent,
  request: IncomingMessage,
  body: Buffer | null,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method = "GET", url = "/", headers } = request;
    const onward = httpRequest({ host: ministack.host, port: ministack.port, agent, method, path: url, headers });
    onward.on("response", resolve);
    onward.on("error", reject);
    if (body === null) pipeline(request, onward).catch(reject);
    else onward.end(body);
  });
}

async function handOn(
  options: Options,
  call: BackingCall,
  request: IncomingMessage,
  answer: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const host = request.headers.host ?? "";
  if (objectWrites.has(call.operation) && answer.statusCode === 200) {
    options.written.set(call.resource, options.clock.now());
  }
  const headers = { ...answer.headers, ...times(options, call, answer) };
  if (headers.location !== undefined) headers.location = hereInstead(headers.location, host, options.ministack);
  const rewrite = rewriteOf(options, call, request, answer);
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
  { clock }: Options,
  call: BackingCall,
  request: IncomingMessage,
  answer: IncomingMessage,
): ((body: string) => string) | null {
  if (answer.statusCode !== 200) return null;
  if (call.service === "ecr" && call.operation === "GetAuthorizationToken") {
    const { host = "" } = request.headers;
    return (body) => authorizationFor(body, host, callerOf(request.headers));
  }
  const moved = clock.at(0) !== clock.at(Date.now());
  if (moved && call.service === "s3" && answer.headers["content-type"]?.includes("xml") === true) {
    return (body) =>
      body.replaceAll(/(?<=<LastModified>)[^<]+/g, (time) => new Date(clock.at(Date.parse(time))).toISOString());
  }
  return null;
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
  { clock, written }: Options,
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

function callerIdentity(account: string, caller: string): HttpAnswer {
  const arn = assumedRole(account, caller);
  return {
    status: 200,
    headers: { "content-type": "text/xml" },
    body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${arn}</Arn><UserId>AROALOCALAWS:local-aws</UserId><Account>${account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
  };
}

function assumedRole(account: string, caller: string): string {
  return `arn:aws:sts::${account}:assumed-role/${caller}/local-aws`;
}

function actionOf(body: Buffer): string | null {
  return new URLSearchParams(body.toString("utf8")).get("Action");
}

function send(response: ServerResponse, answer: FaultAnswer): void {
  if (answer === null) return void response.destroy();
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}
