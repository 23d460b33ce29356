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
 * Who makes a request: the access key id that signed it, or its address, or the role behind a registry password. Empty when nobody
 * says.
 */
export function callerOf(headers: Headers, url = "/"): string {
  const signed = signedAddress(url);
  if (signed !== null) return signed.accessKeyId;
  const [, password = ""] = basicCredentials(headers["authorization"]);
  return password.startsWith(passwordPrefix) ? password.slice(passwordPrefix.length) : signerOf(headers);
}

/** An address that somebody has signed: whoever has it reads one object in the name of that key, for a while. */
export interface SignedAddress {
  readonly accessKeyId: string;
  readonly sessionToken: string | null;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  /** Path and query without what the signature is made of. */
  readonly url: string;
}

/**
 * Signatures are not checked here, as those in headers are not.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @returns null when the address is not signed
 */
export function signedAddress(url: string): SignedAddress | null {
  const { pathname, searchParams } = new URL(url, "http://gateway");
  const [accessKeyId = ""] = (searchParams.get("X-Amz-Credential") ?? "").split("/");
  if (accessKeyId === "" || !searchParams.has("X-Amz-Signature")) return null;
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(searchParams.get("X-Amz-Date") ?? "") ?? [];
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const rest = new URLSearchParams([...searchParams].filter(([name]) => !/^x-amz-/i.test(name)));
  return {
    accessKeyId,
    sessionToken: searchParams.get("X-Amz-Security-Token"),
    endsAt: signedAt + Number(searchParams.get("X-Amz-Expires")) * 1000,
    url: rest.size === 0 ? pathname : `${pathname}?${rest.toString()}`,
  };
}

/** Which task asks the proxy: its id is the user name in the proxy's URL. */
export function askingTask(headers: Headers): string {
  return basicCredentials(headers["proxy-authorization"])[0] ?? "";
}

function basicCredentials(header: string | readonly string[] | undefined): readonly string[] {
  const encoded = /^Basic (.+)$/.exec(typeof header === "string" ? header : "")?.[1] ?? "";
  return Buffer.from(encoded, "base64").toString("utf8").split(":");
}
