import { secretByContent, secretByName } from "../../../src/files/secret-files.ts";
import { secretFindings } from "../../../src/images/secret-findings.ts";

test.each([
  ["app/.env", true],
  ["app/.env.production", true],
  ["app/.env.example", false],
  ["app/environment.py", false],
  ["app/id_ed25519", true],
  ["app/id_ed25519.pub", false],
  ["app/global-bundle.pem", false], // certificates of RDS: what is in it decides
  ["app/client.p12", true],
  ["root/.aws/credentials", true],
  ["app/credentials", false],
  ["root/.docker/config.json", true],
  ["app/config.json", false],
  ["root/.netrc", true],
  ["infra/terraform.tfstate", true],
])("does the name %s tell of a secret? %p", (path, tells) => {
  expect(secretByName(path) !== null).toBe(tells);
});

const [begin, end] = ["BEGIN", "END"]; // so that this file holds none itself
test.each([
  [`-----${begin} RSA PRIVATE KEY-----\nMII\n-----${end} RSA PRIVATE KEY-----`, true],
  [`-----${begin} PRIVATE KEY-----\r\nMII`, true],
  [`{"private_key": "-----${begin} PRIVATE KEY-----\\nMII"}`, true],
  [`-----${begin} CERTIFICATE-----\nMII`, false],
  [`pattern = "-----${begin} PRIVATE KEY-----"`, false],
  [`[default]\naws_secret_access_key = ${"a".repeat(40)}\n`, true],
  ["aws_secret_access_key = os.environ['KEY']", false],
])("does this content tell of one? %#", (text, tells) => {
  expect(secretByContent(Buffer.from(text)) !== null).toBe(tells);
});

test("the finding names the file in the image, where it is taken, and how to leave it out", () => {
  const where = { file: "dagster-stack.yml", line: 9, column: 11 };
  expect(secretFindings([{ path: "app/.env", why: "such files hold variables with passwords", where }])).toEqual([
    expect.objectContaining({
      id: "secret-in-image",
      level: "error",
      where,
      what: "/app/.env would go into the image, and looks as if it held a secret: such files hold variables with passwords.",
      fix: expect.stringContaining(".dockerignore") as unknown,
    }),
  ]);
});
