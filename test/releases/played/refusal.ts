/** An error as a client of the AWS SDK throws it for an answer of the service. */
export function refusal(name: string, status: number, message = name): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, requestId: "request-1" } });
}

/** As node throws it for a connection that breaks off. */
export function reset(): Error {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
}
