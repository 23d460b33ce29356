import { createHash, createHmac } from "node:crypto";
import { linker } from "../../../src/aws/s3.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const keyed = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * The signature that S3 computes for an address.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
function signatureOf(address: string, secret: string): string {
  const { host, pathname, searchParams } = new URL(address);
  const query = [...searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join("&");
  const request = ["GET", pathname, query, `host:${host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n");
  const [, date = "", region = "", service = ""] = (searchParams.get("X-Amz-Credential") ?? "").split("/");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", searchParams.get("X-Amz-Date") ?? "", scope, sha256(request)].join("\n");
  const key = [date, region, service, "aws4_request"].reduce<Buffer | string>(keyed, `AWS4${secret}`);
  return keyed(key, text).toString("hex");
}

test("the signature is computed here as AWS's example has it", () => {
  const example =
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host";
  expect(signatureOf(example, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")).toBe(
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

test.each([["a session", "token/of+a session=="] as const, ["a user", undefined] as const])(
  "an address that is signed with the credentials of %s opens its object",
  async (_, sessionToken) => {
    const secretAccessKey = "secret";
    const identity = { accessKeyId: "key", secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    const link = linker({ region: "eu-central-1", credentials: identity });
    const address = await link({ bucket: "deploys", key: "a stack/production/probe.json", seconds: 900 });
    const { host, pathname, searchParams } = new URL(address);
    expect(`${host}${pathname}`).toBe("deploys.s3.eu-central-1.amazonaws.com/a%20stack/production/probe.json");
    expect(searchParams.get("X-Amz-Expires")).toBe("900");
    expect(searchParams.get("X-Amz-Security-Token")).toBe(sessionToken ?? null);
    expect(searchParams.get("X-Amz-Signature")).toBe(signatureOf(address, secretAccessKey));
  },
);
