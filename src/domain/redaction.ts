/** What stands in the place of a value that is not shown. */
export const hidden = "(hidden)";

const secretName =
  /pass(word|wd|phrase)?|secret|token|credential|private|api_?key|access_?key|auth(?!or)|conn(ection)?_?(str|string|uri|url)|dsn|(^|_)key$|(database|db|redis|broker|amqp|mongo)_?(url|uri)/i;

/** `user:password@` in a URL. */
const urlWithPassword = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*:[^\s/@]+@/i;

/** Values that are secret whatever they are called. Each pattern names a form that has no other use; none goes past the end of a line. */
const secretValue: readonly RegExp[] = [
  urlWithPassword,
  /\b(AKIA|ASIA)[0-9A-Z]{16}\b/, // AWS access key ids
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{22,}\b/,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}\b/,
  /\bsk-[A-Za-z0-9_-]{20,}\b/,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b/, // JSON web tokens
  /[?&](X-Amz-Signature|sig|signature|token)=[^&\s]+/i,
];

/** Does a variable of this name usually hold a secret? `…_ID`, `…_FILE`, `…_PATH` and `…_ARN` name one without holding it. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) && !/(_ID|_FILE|_PATH|_ARN|_NAME|_HOST|_PORT|_USER|_REGION)$/i.test(name);
}

/** Has the text a form that only secrets have? */
export function isSecretValue(value: string): boolean {
  return secretValue.some((pattern) => pattern.test(value));
}

/** A text without what only a secret looks like, for words of programs whose secrets we do not know. */
export function hideSecrets(text: string): string {
  return secretForms.reduce(
    // A log of many lines is looked through for a URL in a moment, and for one with a password not.
    (left, [pattern, form]) =>
      pattern !== urlWithPassword || left.includes("://") ? left.replaceAll(form, hidden) : left,
    text,
  );
}

const secretForms = secretValue.map((pattern) => [pattern, new RegExp(pattern, `${pattern.flags}g`)] as const);
