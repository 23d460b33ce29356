import { awsOfJob } from "../../../src/aws/job.ts";

const key = { AWS_ACCESS_KEY_ID: "ASIAEXAMPLE" };
const at = "2026-11-21T11:00:00Z";
const end = Date.parse(at);

test.each<[what: string, variables: Record<string, string>, credentialsEndAt: number | null]>([
  ["as the SDKs read it", { ...key, AWS_CREDENTIAL_EXPIRATION: at }, end],
  ["as aws-vault writes it", { ...key, AWS_SESSION_EXPIRATION: at }, end],
  ["the SDKs' before the other", { ...key, AWS_CREDENTIAL_EXPIRATION: at, AWS_SESSION_EXPIRATION: "2020-01-01" }, end],
  ["not at all", { ...key, AWS_SESSION_TOKEN: "token" }, null],
  ["as an empty text", { ...key, AWS_CREDENTIAL_EXPIRATION: "" }, null],
  ["in words", { ...key, AWS_CREDENTIAL_EXPIRATION: "soon" }, null],
  ["of credentials that are not there", { AWS_CREDENTIAL_EXPIRATION: at }, null],
])("when credentials end is read: %s", (_what, variables, credentialsEndAt) => {
  expect(awsOfJob(variables).credentialsEndAt).toBe(credentialsEndAt);
});

test.each<[Record<string, string>, string | null]>([
  [{ AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "us-east-1" }, "eu-west-1"],
  [{ AWS_REGION: "", AWS_DEFAULT_REGION: "us-east-1" }, "us-east-1"],
  [{}, null],
])("the region of a job is that of %j", (variables, region) => {
  expect(awsOfJob(variables).region).toBe(region);
});
