import { posix } from "node:path";
import type { Place } from "../domain/errors.ts";

/** A file that would be packed and looks as if it held a secret. */
export interface SecretFile {
  /** As it would be packed, without the first slash. */
  readonly path: string;
  /** What tells, as the end of a sentence: `it holds a private key`. */
  readonly why: string;
  /** Where the mapping that takes it is named. */
  readonly where: Place | string;
}

/** What the name of a file tells; null when it tells nothing. Certificates (`.pem`, `.crt`) are no secrets: only what is in them can be. */
export function secretByName(path: string): string | null {
  const name = posix.basename(path);
  const folder = posix.basename(posix.dirname(path));
  if (/^\.env(\.|$)/.test(name) && !/\.(example|sample|template|dist|defaults?)$/.test(name))
    return "such files hold variables with passwords";
  if (/^id_(rsa|dsa|ecdsa|ed25519)$/.test(name)) return "that is what private keys of SSH are called";
  if (/\.(p12|pfx|jks|keystore|kdbx)$/.test(name)) return "such files hold private keys";
  if (/^([._]netrc|\.pypirc|\.git-credentials|\.pgpass|\.htpasswd)$/.test(name)) return "such files hold passwords";
  if (/^terraform\.tfstate(\.backup)?$/.test(name)) return "a state of OpenTofu holds every password it has made";
  if ((name === "credentials" && folder === ".aws") || (name === "config.json" && folder === ".docker"))
    return "such files hold credentials";
  return null;
}

const marks = ["PRIVATE KEY-----", "aws_secret_access_key"].map((mark) => Buffer.from(mark));

/** What the beginning of a file tells. */
export function secretByContent(head: Buffer): string | null {
  // Most files have neither: this is looked at in bytes.
  if (!marks.some((mark) => head.includes(mark))) return null;
  const text = head.toString("latin1");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----(\r?\n|\\n)/.test(text)) return "it holds a private key"; // `\n` in JSON
  if (/^\s*aws_secret_access_key\s*=\s*[A-Za-z0-9/+]{40}\s*$/m.test(text)) return "it holds a secret access key of AWS";
  return null;
}
