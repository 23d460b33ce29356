/** What stands in the place of a value that is not shown. */
export const hidden = "(hidden)";

const secretName =
  /pass(?!_?(?:through|thru)|_(?:rate|count)|ed|ing|ive|port)(word|wd|phrase)?|_pwd$|secret|token(?!iz)|credential|private|api_?key|access_?key|auth(?!or)|conn(ection)?_?(str|string|uri|url)|dsn|(?<!partition|sort|primary|foreign|hash|range)(^|_)key$|(database|db|redis|broker|amqp|mongo)_?(url|uri)/i;

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
  /[?&](X-Amz-Signature|sig|signature|token|password|api_?key)=[^&\s]+/i,
  /\bhttps:\/\/hooks\.slack\.com\/services\/[\w/]+/i,
];

/** Does a variable of this name usually hold a secret? `…_ID`, `…_FILE`, `…_PATH` and `…_ARN` name one without holding it. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) && !/(_ID|_FILE|_PATH|_ARN|_NAME|_HOST|_PORT|_USER|_REGION)$/i.test(name);
}

/** Has the text a form that only secrets have? */
export function isSecretValue(value: string): boolean {
  return secretValue.some((pattern) => pattern.test(value));
}

/**
 * Is this variable most likely a secret in plain text? More is hidden than that: what is hidden in vain costs nothing, and what is
 * called a secret in vain stops a release.
 */
export function isPlainSecret(name: string, value: string): boolean {
  return isSecretValue(value) || (isSecretName(name) && !isSetting(name, value));
}

/**
 * `AUTH_ENABLED: "true"`, `DB_SECRET: arn:aws:…`, `MAX_TOKENS: "4096"`, `DATABASE_URL: postgresql://host/db`, `TEMPLATE_S3_KEY: docs/a.md`,
 * `GOOGLE_APPLICATION_CREDENTIALS: /app/key.json`, `PRIVATE_SUBNET: subnet-1`.
 */
function isSetting(name: string, value: string): boolean {
  const isAddress = /(URL|URI)$/i.test(name) && !/pass|secret|token|webhook/i.test(name);
  return (
    /^(true|false|)$/i.test(value) ||
    /^arn:[\w-]+:[\w-]+:/.test(value) ||
    /^(subnet|sg|vpc|eni|igw|nat)-[0-9a-z]+$/.test(value) ||
    (/CREDENTIALS$/i.test(name) && /^\/[\w./-]+\.(json|ya?ml|toml|ini|pem)$/.test(value)) ||
    /_(MODE|METHOD|TYPE|BACKEND|PROVIDER|ENDPOINT|PREFIX|ENABLED|SUBNETS|IDS|ARNS|NAMES|DOMAIN|SCOPES?|ISSUER|EMAIL)$|AUTHENTICATOR$|PUBLIC_KEY$/i.test(
      name,
    ) ||
    (/^\d+$/.test(value) && /TOKENS$|_(TTL|LENGTH|LIMIT|COUNT|SIZE|TIMEOUT|SECONDS|DAYS)$/i.test(name)) ||
    (/(S3|OBJECT)_KEY$/i.test(name) && /^[a-z0-9._-]+(\/[a-z0-9._-]+)+$/.test(value)) ||
    (isAddress && /^[a-z][a-z0-9+.-]*:\/\/[^\s@?#]*$/i.test(value))
  );
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

/** `https://token@host`, too: whatever stands before the host of a URL. */
const userInfo = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]{1,500}@/gi;

const value = /("[^"]*"|'[^']*'|[^\s"'&|;]+)/.source;

/** `--password x`, `--api-key=x`: a name, what joins it, and its value. */
const flagged = new RegExp(`(--?[A-Za-z][\\w-]*)(=|\\s+)${value}`, "g");

/** `PGPASSWORD=x`, `Authorization: Bearer x`, `"password": "x"`. */
const assigned = new RegExp(`\\b([\\w-]+)(["']?\\s*[=:]\\s*(?:Bearer\\s+|Basic\\s+)?)${value}`, "gi");

/** `curl -fu user:password`, `redis-cli -a password`, `mysql -ppassword`: letters that mean a login to these programs only. */
const logins =
  /(\bcurl\b[^|;&\n]{0,300}?\s(?:-[A-Za-z]*[uU]\s*|--(?:proxy-)?user[=\s]\s*)|\bredis-cli\b[^|;&\n]{0,300}?\s-a\s+|\b(?:mysql|mariadb)\w*\b[^|;&\n]{0,300}?\s-p)("[^"]*"|'[^']*'|[^\s"'&|;]+)/g;

/** Long, and of small and capital letters and digits: no word, and no digest. */
const random = /(?<![\w/+=.-])(?=[\w+/=-]*[a-z])(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*\d)[\w+/=-]{24,}(?![\w/+=.-])/g;

/** A text that may carry a secret (a command, a label, an option), without what looks like one. */
export function redacted(text: string): string {
  return hideSecrets(text.replaceAll(userInfo, (_, scheme: string) => `${scheme}${hidden}@`))
    .replaceAll(logins, (whole: string, before: string, login: string) =>
      login.startsWith("$") || login.startsWith('"$') ? whole : `${before}${hidden}`,
    )
    .replaceAll(flagged, withoutValue)
    .replaceAll(assigned, withoutValue)
    .replaceAll(random, hidden);
}

function withoutValue(whole: string, name: string, joint: string, text: string): string {
  return isSecretWord(name) && !/^["']?\$/.test(text) && !text.startsWith("-") ? `${name}${joint}${hidden}` : whole;
}

/** May a value be shown to everybody? A check that wants no false errors lets through more. */
export function isPublicVariable(name: string, value: string): boolean {
  return !isPlainSecret(name, value) && !isSecretName(name) && redacted(value) === value;
}

/** The options of those programs where each word stands alone: `next`, the word after it is the login; `joined`, what follows in the same word. */
const loginWords: readonly { readonly program: RegExp; readonly next: RegExp; readonly joined: RegExp }[] = [
  {
    program: /(^|\/)curl$/,
    next: /^(-[A-Za-z]*[uU]|--(proxy-)?user)$/,
    joined: /^(-[A-Za-z]*?[uU]|--(?:proxy-)?user=)(?=.)/,
  },
  { program: /(^|\/)redis-cli$/, next: /^-a$/, joined: /^-a(?=.)/ },
  { program: /(^|\/)(mysql|mariadb)[\w-]*$/, next: /^(?!)/, joined: /^-p(?=.)/ },
];

/** A word that is the login of a program before it, without the login; null: it is none. */
function withoutLogin(words: readonly string[], index: number): string | null {
  const [word = "", before = ""] = [words[index], words[index - 1]];
  for (const { program, next, joined } of loginWords) {
    if (!words.slice(0, index).some((one) => program.test(one))) continue;
    const option = next.test(before) ? "" : joined.exec(word)?.[0];
    if (option !== undefined && !word.startsWith("$", option.length)) return `${option}${hidden}`;
  }
  return null;
}

/** The words of a command, of which one may name the next: `--password`, `x`; `curl`, `-u`, `user:x`. */
export function redactedWords(words: readonly string[]): readonly string[] {
  return words.map((word, index) => {
    const login = withoutLogin(words, index);
    if (login !== null) return login;
    const before = words[index - 1] ?? "";
    const isNamed = /^--?[A-Za-z][\w-]*$/.test(before) && isSecretWord(before) && !word.startsWith("-");
    return isNamed && !word.startsWith("$") ? hidden : redacted(word);
  });
}

function isSecretWord(name: string): boolean {
  return /^authorization$/i.test(name) || isSecretName(name.replace(/^-+/, "").replaceAll("-", "_"));
}
