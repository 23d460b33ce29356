import {
  hidden,
  hideSecrets,
  isPlainSecret,
  isSecretName,
  isSecretValue,
  redacted,
  redactedWords,
} from "../../../src/domain/redaction.ts";

describe("a text of a program", () => {
  test.each([
    ["cannot reach postgresql://user:hunter2@host/db", `cannot reach ${hidden}host/db`],
    ["AKIAABCDEFGHIJKLMNOP may not, ASIAABCDEFGHIJKLMNOP may", `${hidden} may not, ${hidden} may`],
    [`Authorization: token ghp_${"a".repeat(36)}`, `Authorization: token ${hidden}`],
    ["GET https://host/key?a=1&X-Amz-Signature=abc 403", `GET https://host/key?a=1${hidden} 403`],
    ["redis://:hunter2@a and redis://:hunter3@b", `${hidden}a and ${hidden}b`],
  ])("loses what only a secret looks like: %s", (said, shown) => expect(hideSecrets(said)).toBe(shown));

  test("keeps all else", () => {
    const said = "connection to postgresql://host/db refused\n  at user@example.com";
    expect(hideSecrets(said)).toBe(said);
  });
});

describe("a name that usually holds a secret", () => {
  test.each([
    "DAGSTER_LOGS_PG_PASSWORD",
    "OPENAI_API_KEY",
    "SYSTEM_DB_CONN_STRING",
    "S3_SECRET_ACCESS_KEY",
    "GMAIL_SERVICE_ACCOUNT_KEY",
    "DATABASE_URL",
    "GITHUB_TOKEN",
    "AUTH0_CLIENT_SECRET",
    "PGPASSWD",
  ])("%s", (name) => expect(isSecretName(name)).toBe(true));
  test.each([
    "GOOGLE_SEARCH_ENGINE_ID",
    "S3_BUCKET_NAME",
    "DAGSTER_LOGS_PG_HOST",
    "AUTHOR",
    "S3_ACCESS_KEY_ID",
    "SECRET_NAME",
    "TOKENIZERS_PATH",
    "PARTITION_KEYS",
    "MONKEY",
  ])("not %s", (name) => expect(isSecretName(name)).toBe(false));
});

describe("a value that is secret whatever it is called", () => {
  test.each([
    "postgresql://user:hunter2@host/db",
    "AKIAABCDEFGHIJKLMNOP",
    "-----BEGIN RSA PRIVATE KEY-----",
    `ghp_${"a".repeat(36)}`,
    "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abc",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
  ])("%s", (value) => expect(isSecretValue(value)).toBe(true));
  test.each([
    "https://example.com/path",
    "postgresql://host/db",
    "0123456789",
    "x.rds.amazonaws.com",
    "user@example.com",
  ])("not %s", (value) => expect(isSecretValue(value)).toBe(false));
});

describe("a variable in plain text that stops a release", () => {
  test.each([
    ["DB_PASSWORD", "1234"],
    ["OPENAI_API_KEY", "sk-live"],
    ["API_TOKENS", "a,b"],
    ["DATABASE_URL", "postgresql://u:p@h/d"],
    ["DATABASE_URL", "host=h password=p"],
    ["SENTRY_DSN", "https://key@o1.ingest.example/2"],
    ["SECRET_WEBHOOK_URL", "https://hooks.example/T0/B0/x"],
    ["AUTH_URL", "https://h/?code=1"],
    ["PRIVATE_KEY", "x"],
    ["ANYTHING", "AKIAABCDEFGHIJKLMNOP"],
    ["AUTH_MODE", "AKIAABCDEFGHIJKLMNOP"],
    ["SECRET_KEY", "aB3/dE6+gH9/kL2.mN"],
    ["S3_KEY", "minio"],
    ["MYSQL_PWD", "hunter2"],
    ["HOOK", "https://hooks.slack.com/services/T0/B0/abc"],
    ["GOOGLE_CREDENTIALS", '{"type": "service_account"}'],
    ["PASS", "hunter2"],
    ["PRIVATE_SUBNET_SECRET", "hunter2"],
  ])("%s: %s", (name, value) => expect(isPlainSecret(name, value)).toBe(true));
  test.each([
    ["AUTH_ENABLED", "true"],
    ["DB_SECRET", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"],
    ["KMS_KEY", "arn:aws:kms:eu-west-1:123456789012:key/1"],
    ["MAX_TOKENS", "4096"],
    ["TOKEN_TTL", "3600"],
    ["PASSWORD_MIN_LENGTH", "8"],
    ["AUTHENTICATION_MODE", "oidc"],
    ["SNOWFLAKE_AUTHENTICATOR", "externalbrowser"],
    ["SECRETS_BACKEND", "aws"],
    ["PRIVATE_SUBNETS", "subnet-1,subnet-2"],
    ["DATABASE_URL", "postgresql://h:5432/d"],
    ["AUTH_URL", "https://login.example/realms/a"],
    ["FIREBASE_AUTH_DOMAIN", "app.firebaseapp.example"],
    ["OAUTH_SCOPES", "read write"],
    ["TEMPLATE_S3_KEY", "documents/first-steps.md"],
    ["GOOGLE_APPLICATION_CREDENTIALS", "/app/key.json"],
    ["PRIVATE_SUBNET", "subnet-1"],
    ["AUTH_GROUP", "sg-0a1b2c"],
    ["PARTITION_KEY", "day"],
    ["SORT_KEY", "created_at"],
    ["PRIMARY_KEY", "id"],
    ["TOKENIZERS_PARALLELISM", "1"],
    ["TOKENIZER", "cl100k_base"],
    ["OAUTH_ISSUER", "https://login.example"],
    ["PASS_THROUGH", "all"],
    ["PASSWORD_RESET_EMAIL", "help@example.com"],
  ])("not %s: %s", (name, value) => expect(isPlainSecret(name, value)).toBe(false));
});

describe("a command, without what looks like a secret", () => {
  test.each([
    ["curl -fu admin:hunter2 http://localhost/health", `curl -fu ${hidden} http://localhost/health`],
    ["curl -s -u 'admin:hunter2' http://h", `curl -s -u ${hidden} http://h`],
    ["redis-cli -h cache -a hunter2 ping", `redis-cli -h cache -a ${hidden} ping`],
    ["mysqladmin ping -uroot -phunter2", `mysqladmin ping -uroot -p${hidden}`],
    [`serve --config '{"password":"hunter2"}'`, `serve --config '{"password":${hidden}}'`],
    ["wget http://h/health?password=hunter2&x=1", `wget http://h/health${hidden}&x=1`],
    ["app --api-key hunter2", `app --api-key ${hidden}`],
    ["PGPASSWORD=hunter2 pg_isready", `PGPASSWORD=${hidden} pg_isready`],
  ])("%s", (command, shown) => expect(redacted(command)).toBe(shown));
  test.each([
    "curl -f http://localhost:3000/server_info",
    "curl -u $USER:$PASSWORD http://localhost",
    "mysqladmin ping -p$MYSQL_PWD",
    "redis-cli ping && echo -a b",
  ])("keeps %s", (command) => expect(redacted(command)).toBe(command));

  test.each<[readonly string[], readonly string[]]>([
    [
      ["curl", "-u", "user:hunter2", "http://x"],
      ["curl", "-u", hidden, "http://x"],
    ],
    [
      ["CMD", "/usr/bin/curl", "-fsu", "user:hunter2", "http://x"],
      ["CMD", "/usr/bin/curl", "-fsu", hidden, "http://x"],
    ],
    [
      ["curl", "-uuser:hunter2"],
      ["curl", `-u${hidden}`],
    ],
    [
      ["curl", "--user", "user:hunter2"],
      ["curl", "--user", hidden],
    ],
    [
      ["curl", "http://x?a&b", "--user=user:hunter 2"],
      ["curl", "http://x?a&b", `--user=${hidden}`],
    ],
    [
      ["redis-cli", "-h", "cache", "-a", "-hunter2", "ping"],
      ["redis-cli", "-h", "cache", "-a", hidden, "ping"],
    ],
    [
      ["mysql", "-uroot", "-phunter2"],
      ["mysql", "-uroot", `-p${hidden}`],
    ],
  ])("whose words stand alone: %j", (words, shown) => expect(redactedWords(words)).toEqual(shown));
  test.each<[readonly string[]]>([
    [["curl", "-f", "http://x"]],
    [["curl", "-u", "$LOGIN", "http://x"]],
    [["ls", "-u", "a"]],
    [["ls", "-a", "b"]],
    [["mysql", "-p$MYSQL_PWD"]],
    [["mysql", "-p"]],
  ])("whose words stand alone keeps %j", (words) => expect(redactedWords(words)).toEqual(words));
  test("curl's long option in a shell's text", () =>
    expect(redacted("curl --user a:hunter2 http://h")).toBe(`curl --user ${hidden} http://h`));

  test("of which one word names the next", () =>
    expect(redactedWords(["app", "--password", "hunter2", "--port", "80", "--token", "$TOKEN"])).toEqual([
      "app",
      "--password",
      hidden,
      "--port",
      "80",
      "--token",
      "$TOKEN",
    ]));
});
