import * as z from "zod";
import { keySchema } from "./identifiers.ts";

const name = z.string().min(1).max(255);
const tags = z.record(z.string(), z.string());
const publicAddress = z.boolean().default(false).describe("Give each task a public address: for subnets without NAT.");

/** Subnets, security groups and public address of the tasks; or "as this service has them"; or by tag and name. */
export const networkSchema = z.union([
  z.strictObject({
    "like-service": name.describe(
      "Name of the ECS service whose subnets, security groups and public address are taken.",
    ),
  }),
  z.strictObject({
    subnets: z
      .array(z.string().regex(/^subnet-[0-9a-z]+$/, "a subnet id: subnet-…"))
      .min(1)
      .max(16)
      .describe("Ids of the subnets."),
    "security-groups": z
      .array(z.string().regex(/^sg-[0-9a-z]+$/, "a security group id: sg-…"))
      .min(1)
      .max(5)
      .describe("Ids of the security groups."),
    "public-address": publicAddress,
  }),
  z.strictObject({
    subnets: z.strictObject({ tags }).describe("The subnets that carry all of these `tags`. Not in this version."),
    vpc: z
      .strictObject({ tags })
      .optional()
      .describe("The VPC that carries all of these `tags`; needed when several have such subnets."),
    "security-groups": z.array(name).min(1).max(5).describe("Names of the security groups."),
    "public-address": publicAddress,
  }),
]);
export type Network = z.infer<typeof networkSchema>;

/** What infrastructure knows of one service of the stack. */
const contractServiceSchema = z.strictObject({
  service: name.optional().describe("Name of the ECS service."),
  address: name.optional().describe("DNS name under which other tasks reach it."),
  port: z.int().min(1).max(65535).optional().describe("Port on which other tasks reach it."),
  url: z.url().optional().describe("Where it is reached from the runner."),
  "log-group": name.optional().describe("Its log group."),
  "task-role": name.optional().describe("Its IAM role."),
});
export type ContractService = z.infer<typeof contractServiceSchema>;

/** A reference to a secret, never its value: `ssm:/path`, `secret:name` or `secret:name#key`. */
export const secretReferenceSchema = z
  .string()
  .regex(
    /^(ssm:\/[\w./-]+|secret:[\w/+=.@-]+(#[\w.-]+)?)$/,
    "a secret's reference: ssm:/path, secret:name or secret:name#key",
  );
export type SecretReference = z.infer<typeof secretReferenceSchema>;

/** A secret with several keys, as a whole. */
export const wholeSecretSchema = z
  .string()
  .min(1)
  .regex(/^secret:[\w/+=.@-]+$/, "a whole secret: secret:name");

/** Its name in Secrets Manager. */
export function nameOfSecret(reference: string): string {
  return reference.slice("secret:".length);
}

const databaseSchema = z.strictObject({
  host: name.describe("Host name."),
  port: z.int().min(1).max(65535).default(5432).describe("Port."),
  name: name.describe("Name of the database."),
  user: z
    .union([name, z.strictObject({ from: secretReferenceSchema.describe("Secret that holds the user.") })])
    .describe("User, or `from:` the secret that holds it."),
  password: secretReferenceSchema.describe("Secret that holds the password."),
  "security-groups": z
    .array(z.string().regex(/^sg-[0-9a-z]+$/, "a security group id: sg-…"))
    .min(1)
    .max(16)
    .optional()
    .describe("Ids of its security groups, for `expect: { security-groups: true }`."),
});
export type Database = z.infer<typeof databaseSchema>;

/**
 * What the infrastructure offers to one environment of a stack. Written by it as a JSON object in the stack's bucket, or
 * given as a mapping in the stack file. It holds names, not ARNs, where the ARN can be built from account and region.
 */
export const contractSchema = z.strictObject({
  schema: z.literal(1).default(1).describe("Version of this format."),
  version: z
    .int()
    .nonnegative()
    .optional()
    .describe("Counts up with each change of the infrastructure; absent in a mapping."),
  account: z
    .string()
    .regex(/^\d{12}$/, "an account id: 12 digits, in quotes")
    .optional()
    .describe("Account that all of it is in; who is signed in to another one is stopped."),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region: eu-west-1")
    .optional()
    .describe("Region that all of it is in."),
  cluster: name.describe("Name of the ECS cluster."),
  network: networkSchema.describe(
    "Subnets, security groups and public address of the tasks: by id, by tag and name, or like a service.",
  ),
  bucket: z
    .strictObject({
      name: z.string().min(3).max(63).describe("Name of the bucket."),
      prefix: z
        .string()
        .regex(/^([\w.-]+\/)*$/, "a prefix that ends in a slash")
        .default("")
        .describe("Key prefix, ending in a slash; the stack's own folder is made below it."),
    })
    .describe("Bucket for lock, journal and DAG bundles."),
  roles: z
    .record(keySchema, name)
    .default({})
    .describe(
      "Names of IAM roles: `execution`, `run`, `run-<location>`, and one for each kind or service; `task` for all that have none of their own.",
    ),
  "log-group": name.optional().describe("Log group of every service that has none of its own."),
  services: z
    .record(keySchema, contractServiceSchema)
    .default({})
    .describe("What infrastructure knows of single services, by their key."),
  database: databaseSchema.optional().describe("Dagster's database."),
  "name-ttl-seconds": z
    .int()
    .nonnegative()
    .max(3600)
    .default(10)
    .describe("Seconds for which a resolver may remember a service's old address: Cloud Map's TTL."),
  efs: name.optional().describe("Id of the EFS file system, for `volumes`."),
});
export type Contract = z.infer<typeof contractSchema>;
