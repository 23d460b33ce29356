import { deniedCall, policyOf } from "./access/denial.ts";
import { type DefinitionRights, requestsOfOwn } from "./access/own-calls.ts";
import type { AwsRequest, AwsResponse, Handle, RecordedCall, ServiceName } from "./api.ts";
import { Refusal, type Bed, type CallContext, type Operations } from "./ecs/bed.ts";
import { isRead, rememberBefore } from "./ecs/ecs.ts";
import { findDefinition } from "./ecs/find.ts";
import { faultAnswer } from "./fault-answer.ts";
import type { Fault, Faults } from "./faults.ts";
import { administrator, callerOf, refusedCaller } from "./neighbours/sessions.ts";
import { modelOf, speaksXml, type OperationModel, type ServiceModel } from "./models/model.ts";
import { violations } from "./models/validate.ts";

type Recording = { -readonly [Member in keyof RecordedCall]: RecordedCall[Member] };

/** Where every call comes through: faults, the service model, the operation, the model again, the record. */
export function createCalls(
  bed: Bed,
  operations: Readonly<Record<ServiceName, Operations>>,
  faults: Faults,
): { readonly handle: Handle; readonly calls: readonly RecordedCall[] } {
  const calls: Recording[] = [];
  const handle: Handle = async (given) => {
    const { service, operation, input, sessionToken = null } = given;
    const {
      role: caller,
      session,
      state,
    } = callerOf(bed.neighbours.sessions, given.caller, sessionToken, bed.time.now());
    const request: AwsRequest = { service, operation, input, caller };
    const record: Recording = { ...request, at: bed.time.now(), outcome: "pending", tookEffect: false };
    if (caller !== administrator) calls.push(record);
    const struck =
      caller === administrator
        ? []
        : [...refusedCaller(state), ...faults.striking(request), ...denials(bed, request, session)];
    const before = struck.filter(({ when = "before" }) => when === "before");
    const response = (await strike(bed, request, before)) ?? perform(bed, operations, request, struck, record, session);
    const after = struck.filter(({ when = "before" }) => when === "after");
    const answered = (await strike(bed, request, after)) ?? response;
    record.outcome = answered.kind === "output" ? "ok" : answered.kind === "error" ? answered.name : "lost";
    return answered;
  };
  return { handle, calls };
}

/** What the policy of its caller does not allow. */
function denials(bed: Bed, { service, operation, input, caller: role }: AwsRequest, session: string): readonly Fault[] {
  const policy = policyOf(bed.neighbours, role);
  if (policy === null) return [];
  const { account } = bed;
  const home = { account, region: bed.region, definition: (named: string) => definitionRights(bed, named) };
  const requests = requestsOfOwn(service, operation, input, home);
  return deniedCall(bed.neighbours, policy, requests, `${service}:${operation}`, { account, role, session });
}

function definitionRights(bed: Bed, named: string): DefinitionRights | null {
  try {
    const { taskDefinitionArn: arn, executionRoleArn, taskRoleArn } = findDefinition(bed, named).content;
    return { arn, roles: [executionRoleArn, taskRoleArn].filter((role) => role !== undefined) };
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function perform(
  bed: Bed,
  operations: Readonly<Record<ServiceName, Operations>>,
  { service, operation: name, input, caller }: AwsRequest,
  struck: readonly Fault[],
  record: Recording,
  session: string,
): AwsResponse {
  const requestId = bed.names.uuid();
  const model = modelOf(service);
  const operationModel = model.operations[name];
  const operation = operations[service][name];
  if (operationModel === undefined || operation === undefined) {
    throw new Error(`local-aws does not play ${service}:${name}`);
  }
  const refused = refusalOf(model, operationModel, input);
  if (refused !== null) return { kind: "error", requestId, status: 400, ...refused };
  const context: CallContext = {
    caller,
    session,
    stale: struck.some(({ what }) => what.kind === "stale"),
    noCapacity: struck.map(({ what }) => (what.kind === "no-capacity" ? what.reason : null)).find(Boolean) ?? null,
  };
  if (service === "ecs" && !isRead(name)) rememberBefore(bed);
  try {
    // The model has vouched for the input's members and types.
    const output = operation(bed, input as never, context);
    checkOutput(model, name, operationModel, output);
    record.tookEffect = true;
    return { kind: "output", requestId, output };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    checkRefusal(model, name, operationModel, error);
    return { kind: "error", requestId, name: error.name, message: error.message, status: error.status };
  }
}

/** What the model itself refuses. AWS overlooks unknown members; the bed does not, or a typo would pass. */
function refusalOf(model: ServiceModel, { input: reference }: OperationModel, input: unknown) {
  const found = reference === undefined ? [] : violations(model, reference, input);
  if (found.length === 0) return null;
  const name = speaksXml(model) ? "ValidationError" : "InvalidParameterException";
  return { name, message: found.join("; ") };
}

function checkOutput(model: ServiceModel, name: string, { output: reference }: OperationModel, output: object): void {
  const found = reference === undefined ? [] : violations(model, reference, output);
  if (found.length === 0) return;
  throw new Error(`bug of local-aws: the answer to ${name} breaks the model: ${found.join("; ")}`);
}

function checkRefusal(
  model: ServiceModel,
  operation: string,
  { errors = [] }: OperationModel,
  { name }: Refusal,
): void {
  if (!speaksXml(model) && !errors.some(({ shape }) => shape === name)) {
    throw new Error(`bug of local-aws: ${operation} does not refuse with ${name}`);
  }
}

/** @returns the answer that the faults make, or null when the call goes on. */
async function strike(bed: Bed, request: AwsRequest, faults: readonly Fault[]): Promise<AwsResponse | null> {
  let answer: AwsResponse | null = null;
  for (const { what } of faults) {
    if (what.kind === "latency") await delay(bed, what.milliseconds);
    else answer ??= faultAnswer(bed, request, what);
  }
  return answer;
}

function delay(bed: Bed, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    bed.time.laterAtPace(milliseconds / 1000, resolve);
  });
}
