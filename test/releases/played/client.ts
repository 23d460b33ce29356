import type { Context } from "../../../src/domain/context.ts";
import type { AwsRequest, LocalAws } from "../../local-aws/local-aws.ts";
import { refusal, reset } from "./refusal.ts";
import type { Wire } from "./wire.ts";

/** What a service answers to an operation. @throws as a client of the SDK does */
export type Answers = (operation: string, input: unknown) => Promise<object> | object;

/** A client of the AWS SDK, as far as the product's `sender` uses it: over a wire to something in memory. */
export function clientOver(
  to: string,
  answers: Answers,
  wire: Wire,
  context: Pick<Context, "clock">,
): { send(command: unknown, options?: { readonly abortSignal?: AbortSignal }): Promise<object> } {
  return {
    send: async (command, { abortSignal } = {}) => {
      const { operation, input } = readCommand(command);
      const writes = !/^(Describe|Get|List|Head|Batch|Simulate)/.test(operation);
      const call = { to, operation, about: aboutOf(input), writes };
      const effect = () => throughMiddleware(command, context, () => Promise.resolve(answers(operation, input)));
      return interruptible(wire(call, effect), abortSignal);
    },
  };
}

/** What the bed answers. @throws as a client of the SDK does */
export async function answerOf(aws: Pick<LocalAws, "handle">, request: AwsRequest): Promise<object> {
  const answered = await aws.handle(request);
  switch (answered.kind) {
    case "output":
      return answered.output;
    case "error":
      throw refusal(answered.name, answered.status, answered.message);
    case "page":
      throw refusal("Unknown", answered.status, answered.body);
    case "reset":
      throw reset();
  }
}

function readCommand(command: unknown): { readonly operation: string; readonly input: unknown } {
  const { schema, input } = command as { readonly schema: readonly unknown[]; readonly input: unknown };
  return { operation: String(schema[2]), input };
}

/** Middleware that the product has added sees S3's clock in the answer's headers. */
async function throughMiddleware(
  command: unknown,
  { clock }: Pick<Context, "clock">,
  effect: () => Promise<object>,
): Promise<object> {
  const { middlewareStack } = command as {
    readonly middlewareStack: {
      resolve(last: () => Promise<unknown>, context: object): (args: object) => Promise<{ readonly output: object }>;
    };
  };
  const answer = async () => ({
    output: await effect(),
    response: { headers: { date: new Date(clock.now()).toUTCString() } },
  });
  const { output } = await middlewareStack.resolve(answer, {})({ input: {} });
  return output;
}

async function interruptible<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = () => reject(Object.assign(new Error("Request aborted"), { name: "AbortError" }));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
  aborted.catch(() => undefined);
  return Promise.race([work, aborted]);
}

/** What a call is about, for whoever counts calls. */
function aboutOf(input: unknown): string {
  const { Key, Prefix, service, services, family, taskDefinition } = input as Readonly<Record<string, unknown>>;
  const about = Key ?? Prefix ?? service ?? services ?? family ?? taskDefinition ?? "";
  return Array.isArray(about) ? about.join(",") : typeof about === "string" ? about : "";
}
