import { shapeOf, type OperationModel, type Reference, type ServiceModel } from "../models/model.ts";
import { isRecord } from "../models/validate.ts";

/** The answer of a query service, in the envelope of its protocol. */
export function xmlAnswer(
  model: ServiceModel,
  operation: string,
  { output }: OperationModel,
  requestId: string,
  value: unknown,
): string {
  const members = output === undefined ? "" : membersOf(model, output, value);
  const opening = `<${operation}Response xmlns="${model.metadata.xmlNamespace ?? ""}">`;
  const closing = `</${operation}Response>`;
  if (model.metadata.protocol === "ec2") return `${opening}${element("requestId", requestId)}${members}${closing}`;
  const result = output?.resultWrapper === undefined ? members : element(output.resultWrapper, members);
  return `${opening}${result}${element("ResponseMetadata", element("RequestId", requestId))}${closing}`;
}

export function xmlError(
  model: ServiceModel,
  { name, message, status, requestId }: { name: string; message: string; status: number; requestId: string },
): string {
  const code = element("Code", escape(name)) + element("Message", escape(message));
  if (model.metadata.protocol === "ec2") {
    return element("Response", element("Errors", element("Error", code)) + element("RequestID", requestId));
  }
  const type = element("Type", status < 500 ? "Sender" : "Receiver");
  return element("ErrorResponse", element("Error", type + code) + element("RequestId", requestId));
}

function membersOf(model: ServiceModel, reference: Reference, value: unknown): string {
  const shape = shapeOf(model, reference);
  if (shape.type !== "structure" || !isRecord(value)) return "";
  return Object.entries(shape.members)
    .filter(([name]) => value[name] !== undefined)
    .map(([name, member]) => encode(model, member.locationName ?? name, member, value[name]))
    .join("");
}

function encode(model: ServiceModel, name: string, reference: Reference, value: unknown): string {
  const shape = shapeOf(model, reference);
  if (shape.type === "structure") return element(name, membersOf(model, reference, value));
  if (shape.type === "list" && Array.isArray(value)) {
    const flat = shape.flattened === true;
    const tag = flat ? name : (shape.member.locationName ?? "member");
    const elements = value.map((one) => encode(model, tag, shape.member, one)).join("");
    return flat ? elements : element(name, elements);
  }
  if (value instanceof Date) return element(name, value.toISOString());
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return element(name, escape(String(value)));
  }
  throw new Error(`${model.service}: ${name} cannot be written as XML`);
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
