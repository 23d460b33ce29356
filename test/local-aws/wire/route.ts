import { randomUUID } from "node:crypto";
import { serviceNames, type AwsResponse, type Handle, type ServiceName } from "../api.ts";
import { modelOf, speaksXml, type OperationModel, type ServiceModel } from "../models/model.ts";
import { fromForm } from "./form.ts";
import { fromJson, toJson } from "./json.ts";
import { xmlAnswer, xmlError } from "./xml.ts";

export interface HttpRequest {
  /** Names in lower case, as node gives them. */
  readonly headers: Headers;
  readonly body: Uint8Array | string;
}

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Whose request is this? Null when this bed does not play the service. Needs no body. */
export function serviceOf(headers: Headers): ServiceName | null {
  const prefix = text(headers["x-amz-target"]).split(".")[0];
  const signed = isUnsignedForm(headers) ? "sts" : credentialOf(headers).service;
  return (
    serviceNames.find((service) => prefix !== "" && modelOf(service).metadata.targetPrefix === prefix) ??
    serviceNames.find((service) => service === signed) ??
    null
  );
}

/** The access key id that signed; empty when nobody did. Signatures are not checked. */
export function callerOf(headers: Headers): string {
  return credentialOf(headers).accessKeyId;
}

/** The token that goes with the key of a session; empty when there is none. */
export function sessionTokenOf(headers: Headers): string {
  return text(headers["x-amz-security-token"]);
}

/**
 * Answers a request over the wire of its service: awsJson1.1 or query and XML.
 * @returns null when the connection is to be cut.
 */
export async function answer(aws: { readonly handle: Handle }, request: HttpRequest): Promise<HttpAnswer | null> {
  const service = serviceOf(request.headers);
  if (service === null) return plain(400, "the bed does not play this service");
  const model = modelOf(service);
  const body = typeof request.body === "string" ? request.body : new TextDecoder().decode(request.body);
  const asked = readRequest(model, request.headers, body);
  const operation = model.operations[asked.operation];
  const response: AwsResponse =
    operation === undefined
      ? unknownOperation(asked.operation)
      : await aws.handle({
          service,
          operation: asked.operation,
          input: asked.input(operation),
          caller: callerOf(request.headers),
          sessionToken: sessionTokenOf(request.headers),
        });
  return write(model, asked.operation, operation ?? {}, response);
}

interface Asked {
  readonly operation: string;
  input(operation: OperationModel): unknown;
}

function readRequest(model: ServiceModel, headers: Headers, body: string): Asked {
  if (speaksXml(model)) {
    const form = new URLSearchParams(body);
    return {
      operation: form.get("Action") ?? "",
      input: ({ input }) => (input === undefined ? {} : fromForm(model, input, form)),
    };
  }
  const value: unknown = body === "" ? {} : JSON.parse(body);
  return {
    operation: text(headers["x-amz-target"]).split(".")[1] ?? "",
    input: ({ input }) => (input === undefined ? {} : fromJson(model, input, value)),
  };
}

function write(model: ServiceModel, name: string, operation: OperationModel, response: AwsResponse): HttpAnswer | null {
  const type = speaksXml(model) ? "text/xml" : "application/x-amz-json-1.1";
  switch (response.kind) {
    case "reset":
      return null;
    case "page":
      return { status: response.status, headers: { "content-type": "text/html" }, body: response.body };
    case "output": {
      const { requestId, output } = response;
      const headers = { "content-type": type, "x-amzn-requestid": requestId };
      const body = speaksXml(model)
        ? xmlAnswer(model, name, operation, requestId, output)
        : JSON.stringify(toJson(output));
      return { status: 200, headers, body };
    }
    case "error": {
      const { requestId, status, message } = response;
      const headers = { "content-type": type, "x-amzn-requestid": requestId };
      const body = speaksXml(model) ? xmlError(model, response) : JSON.stringify({ __type: response.name, message });
      return { status, headers, body };
    }
  }
}

function unknownOperation(operation: string): AwsResponse {
  const message = `the bed does not play ${operation === "" ? "a request without an operation" : operation}`;
  return { kind: "error", requestId: randomUUID(), name: "UnknownOperationException", message, status: 400 };
}

/** STS is the one service that is asked by somebody without credentials: for credentials. */
function isUnsignedForm(headers: Headers): boolean {
  const type = text(headers["content-type"]);
  return headers["authorization"] === undefined && type.startsWith("application/x-www-form-urlencoded");
}

function plain(status: number, body: string): HttpAnswer {
  return { status, headers: { "content-type": "text/plain" }, body };
}

function credentialOf(headers: Headers): { readonly accessKeyId: string; readonly service: string } {
  const scope = /Credential=([^,\s]+)/.exec(text(headers["authorization"]))?.[1] ?? "";
  const parts = scope.split("/");
  return { accessKeyId: parts[0] ?? "", service: parts.at(-2) ?? "" };
}

function text(header: string | readonly string[] | undefined): string {
  return typeof header === "string" ? header : (header?.[0] ?? "");
}
