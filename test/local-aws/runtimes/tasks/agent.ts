import * as z from "zod";

/** Services that the ECS agent calls for a task, with the task's execution role. */
export type AgentService = "logs" | "secretsmanager" | "ssm";

/** One call. @throws AgentCallFailed when the service refuses it. */
export type AgentCall = (
  service: AgentService,
  operation: string,
  input: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

export class AgentCallFailed extends Error {
  override readonly name = "AgentCallFailed";
  /** The error's name in the service's model. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

const targets: Readonly<Record<AgentService, string>> = {
  logs: "Logs_20140328",
  secretsmanager: "secretsmanager",
  ssm: "AmazonSSM",
};

const errorSchema = z.object({
  __type: z.string().default("UnknownError"),
  message: z.string().optional(),
  Message: z.string().optional(),
});

/**
 * Calls go through the gateway like everybody else's, so that they are recorded, may be denied, and suffer faults.
 * @param role name of the execution role.
 */
export function createAgent(gateway: string, region: string, role: string): AgentCall {
  return async (service, operation, input) => {
    // Nobody checks signatures here; the scope says who asks for what.
    const scope = `${role}/20260101/${region}/${service}/aws4_request`;
    const response = await fetch(gateway, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `${targets[service]}.${operation}`,
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=agent`,
      },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    if (response.ok) return text === "" ? {} : (JSON.parse(text) as unknown);
    const error = errorSchema.safeParse(jsonOrNull(text)).data;
    if (error === undefined) throw new AgentCallFailed(`HTTP ${response.status}`, text.slice(0, 200));
    throw new AgentCallFailed(error.__type.replace(/^.*#/, ""), error.message ?? error.Message ?? "");
  };
}

/** What a text says as JSON; null when it is none. */
export function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
