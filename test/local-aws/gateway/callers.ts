import { callerOf as signerOf, type Headers } from "../wire/route.ts";

/**
 * Registries know passwords, not signatures: this bed's hold the name of the role, behind a word that is in no other
 * text.
 */
const passwordPrefix = "registry-token-of.";

/** What `AWS:<password>` must hold for the registry to know who asks. */
export function registryPassword(role: string): string {
  return `${passwordPrefix}${role}`;
}

/**
 * Who makes a request: the access key id that signed it, or the role behind a registry password. Empty when nobody
 * says.
 */
export function callerOf(headers: Headers): string {
  const [, password = ""] = basicCredentials(headers["authorization"]);
  return password.startsWith(passwordPrefix) ? password.slice(passwordPrefix.length) : signerOf(headers);
}

/** Which task asks the proxy: its id is the user name in the proxy's URL. */
export function askingTask(headers: Headers): string {
  return basicCredentials(headers["proxy-authorization"])[0] ?? "";
}

function basicCredentials(header: string | readonly string[] | undefined): readonly string[] {
  const encoded = /^Basic (.+)$/.exec(typeof header === "string" ? header : "")?.[1] ?? "";
  return Buffer.from(encoded, "base64").toString("utf8").split(":");
}
