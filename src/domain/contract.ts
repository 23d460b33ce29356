import * as z from "zod";
import { keySchema } from "./identifiers.ts";

const name = z.string().min(1).max(255);
const tags = z.record(z.string(), z.string());

/** Subnets, security groups and public address of the tasks; or "as this service has them"; or by tag and name. */
export const networkSchema = z.union([
  z.strictObject({ "like-service": name }),
  z.strictObject({
    subnets: z
      .array(z.string().regex(/^subnet-[0-9a-z]+$/, "a subnet id: subnet-…"))
      .min(1)
      .max(16),
    "security-groups": z
      .array(z.string().regex(/^sg-[0-9a-z]+$/, "a security group id: sg-…"))
      .min(1)
      .max(5),
    "public-address": z.boolean().default(false),
  }),
  z.strictObject({
    subnets: z.strictObject({ tags }),
    vpc: z.strictObject({ tags }).optional(),
    "security-groups": z.array(name).min(1).max(5),
    "public-address": z.boolean().default(false),
  }),
]);
export type Network = z.infer<typeof networkSchema>;

/** What infrastructure knows of one service of the stack. */
export const contractServiceSchema = z.strictObject({
  /** Name of the ECS service. */
  service: name.optional(),
  /** Name under which other tasks reach it, and its port. */
  address: name.optional(),
  port: z.int().min(1).max(65535).optional(),
  /** Where it is reached from the runner. */
  url: z.url().optional(),
  "log-group": name.optional(),
  "task-role": name.optional(),
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

export const databaseSchema = z.strictObject({
  host: name,
  port: z.int().min(1).max(65535).default(5432),
  name,
  user: z.union([name, z.strictObject({ from: secretReferenceSchema })]),
  password: secretReferenceSchema,
});
export type Database = z.infer<typeof databaseSchema>;

/**
 * What the infrastructure offers to one environment of a stack. Written by `infra/` as a JSON object in the stack's bucket, or
 * given as a mapping in the stack file. It holds names, not ARNs, where the ARN can be built from account and region.
 */
export const contractSchema = z.strictObject({
  schema: z.literal(1).default(1),
  /** Counts up with each change of the infrastructure; absent in a mapping. */
  version: z.int().nonnegative().optional(),
  account: z
    .string()
    .regex(/^\d{12}$/, "an account id: 12 digits, in quotes")
    .optional(),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region: eu-west-1")
    .optional(),
  cluster: name,
  network: networkSchema,
  /** Lock, journal, DAG bundles; the stack's own folder is made below the prefix. */
  bucket: z.strictObject({
    name: z.string().min(3).max(63),
    prefix: z
      .string()
      .regex(/^([\w.-]+\/)*$/, "a prefix that ends in a slash")
      .default(""),
  }),
  /** Names of IAM roles: `execution`, `run`, and one for each kind or service; `task` for all that have none of their own. */
  roles: z.record(keySchema, name).default({}),
  "log-group": name.optional(),
  services: z.record(keySchema, contractServiceSchema).default({}),
  database: databaseSchema.optional(),
  /** Seconds for which a resolver may remember a service's old address: Cloud Map's TTL. */
  "name-ttl-seconds": z.int().nonnegative().max(3600).default(10),
  efs: name.optional(),
});
export type Contract = z.infer<typeof contractSchema>;
