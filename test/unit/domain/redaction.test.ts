import fc from "fast-check";
import { hidden, isSecretName, isSecretValue, redact } from "../../../src/domain/redaction.ts";

describe("redaction", () => {
  test("leaves no secret in any text, in whatever order they are given", () => {
    const secret = fc.stringMatching(/^[a-z0-9+/.$()|*?]{4,12}$/).filter((value) => !hidden.includes(value));
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.array(fc.string()), (secrets, words) => {
        const text = words.flatMap((word, index) => [word, secrets[index % secrets.length] ?? ""]).join("");
        const result = redact(text, secrets);
        const between = result.split(hidden);
        for (const value of secrets) for (const piece of between) expect(piece).not.toContain(value);
        expect(redact(text, [...secrets].reverse())).toBe(result);
      }),
    );
  });

  test("hides each line of a secret of several lines", () => {
    expect(redact("key: line-one\n  line-two", ["line-one\nline-two"])).toBe(`key: ${hidden}\n  ${hidden}`);
  });

  test("hides the longer of two secrets whole", () =>
    expect(redact("password123", ["pass", "password123"])).toBe(hidden));
  test("leaves values of one to three characters: they would hide everything", () =>
    expect(redact("a1b", ["a", "1b", ""])).toBe("a1b"));
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
