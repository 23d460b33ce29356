import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { GetParameterCommand } from "../aws/ssm.ts";
import type { AwsOfJob } from "../aws/job.ts";
import type { Context } from "../domain/context.ts";
import type { Contract } from "../domain/contract.ts";
import { showPlace, UserError } from "../domain/errors.ts";
import {
  contractPlace,
  contractReference,
  type ContractReference,
  parseContract,
  parseContractAddress,
  parseStackFile,
  regionOf,
  resolveStack,
  type Stack,
} from "../stack/index.ts";
import { type Bucket, bucket } from "../aws/bucket.ts";
import type { Clients, Connections } from "./connections.ts";

/** Which stack, in which environment. */
export interface StackLocation {
  /** The checkout. */
  readonly root: string;
  /** Path of the stack file in it. */
  readonly file: string;
  /** Where in the checkout whoever asks stands; not given: at its root. */
  readonly folder?: string;
  readonly environment: string;
  /** Ids of the accounts that may be touched; none: any. */
  readonly allowedAccounts: readonly string[];
  /** What `${env.NAME}` stands for. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly job: AwsOfJob;
}

/** Where a contract was found. */
export interface ContractAddress {
  /** SSM parameter that holds the object's address; null: the stack file names the object. */
  readonly parameter: string | null;
  /** Null: the stack file holds the contract. */
  readonly object: { readonly bucket: string; readonly key: string } | null;
}

/** A stack that can be worked on. */
export interface OpenStack {
  readonly stack: Stack;
  readonly contractAddress: ContractAddress;
  readonly clients: Clients;
  /** Lock and journal. */
  readonly records: Bucket;
  /** The DAGs of a location, by their prefix: what readers have is put back although the job was cancelled. */
  readonly pointers: (prefix: string) => Bucket;
}

/**
 * Reads the stack file, finds out who we are, and fetches the contract.
 * @throws UserError with every mistake of the file, or when the contract cannot be had
 */
export async function openStack(
  context: Context,
  connections: Connections,
  { root, file, folder = root, environment, allowedAccounts, variables, job }: StackLocation,
): Promise<OpenStack> {
  const stackFile = parseStackFile(await readStackFile(root, file, folder), file, { environment, variables });
  const region = regionOf(stackFile, environment);
  if (job.region !== null && job.region !== region)
    context.report({
      kind: "line",
      text: `working in ${region}, as ${file} says, and not in this job's ${job.region}`,
    });
  const clients = connections.aws(context, region);
  // How a release ended is written, and its lock given back, although the job was cancelled.
  const { s3 } = connections.aws({ clock: context.clock, signal: new AbortController().signal }, region);
  const { account } = await connections.caller(context, region);
  if (allowedAccounts.length > 0 && !allowedAccounts.includes(account)) throw wrongAccount(account, allowedAccounts);
  const request = { environment, account, region, variables };
  const reference = contractReference(stackFile, request);
  const { address, contract } = await findContract(
    clients,
    reference,
    showPlace(contractPlace(stackFile, environment)),
  );
  const stack = resolveStack(stackFile, { ...request, contract: address.object === null ? null : contract });
  const { name, prefix } = stack.contract.bucket;
  return {
    stack,
    contractAddress: address,
    clients,
    records: bucket(s3, name, `${prefix}${stack.name}/${environment}/`),
    pointers: (below) => bucket(s3, name, below),
  };
}

/** Records of another environment of the stack, to be read; it may be in another account or region. */
export interface OtherEnvironment {
  readonly records: Bucket;
  /** The DAGs of a location there, by their prefix. */
  readonly pointers: (prefix: string) => Bucket;
  /** Account that its registry is in. */
  readonly account: string;
  readonly clients: Clients;
}

/**
 * Finds the records of another environment by its contract, with the credentials of this job.
 * @param account that the job is signed in to: a contract that names none is of that one
 * @throws UserError when there is no such environment; AwsError when it may not be read
 */
export async function openOther(
  context: Context,
  connections: Connections,
  { root, file, variables }: StackLocation,
  { environment, account }: { readonly environment: string; readonly account: string },
): Promise<OtherEnvironment> {
  const stackFile = parseStackFile(await readStackFile(root, file), file);
  const region = regionOf(stackFile, environment);
  const clients = connections.aws(context, region);
  const reference = contractReference(stackFile, { environment, account, region, variables });
  const { contract } = await findContract(clients, reference, showPlace(contractPlace(stackFile, environment)));
  const { name, prefix } = contract.bucket;
  const records = bucket(clients.s3, name, `${prefix}${stackFile.name}/${environment}/`);
  const pointers = (below: string): Bucket => bucket(clients.s3, name, below);
  return { records, pointers, account: contract.account ?? account, clients };
}

/** @param allowed none: any account may be touched. @throws UserError in one that may not */
export async function checkAccount(
  context: Context,
  connections: Pick<Connections, "caller">,
  region: string,
  allowed: readonly string[],
): Promise<void> {
  if (allowed.length === 0) return;
  const { account } = await connections.caller(context, region);
  if (!allowed.includes(account)) throw wrongAccount(account, allowed);
}

/** The credentials work in an account that is not to be touched. */
export function wrongAccount(account: string, allowed: readonly string[]): UserError {
  return new UserError({
    what: `The credentials of this job are of account ${account}, and only ${allowed.join(", ")} may be touched.`,
    where: "input allowed-account-ids",
    fix: "Check the role that this step assumes (`role-to-assume`), or aws-actions/configure-aws-credentials before it, and the environment.",
  });
}

/** @param folder where a file of this path may be meant */
export async function readStackFile(root: string, file: string, folder = root): Promise<string> {
  try {
    return await readFile(join(root, file), "utf8");
  } catch (cause) {
    throw new UserError(
      {
        what: `The stack file cannot be read: ${join(root, file)}.`,
        where: file,
        fix: existsSync(join(folder, file))
          ? `There is one here: input \`stack: ${relative(root, join(folder, file))}\`. The path starts at the root of the checkout.`
          : "Give its path from the root of the checkout, input `stack`, and the checkout must be there (actions/checkout).",
      },
      { cause },
    );
  }
}

async function findContract(
  { s3, ssm }: Pick<Clients, "s3" | "ssm">,
  reference: ContractReference,
  place: string,
): Promise<{ readonly address: ContractAddress; readonly contract: Contract }> {
  if (reference.kind === "mapping") return { address: { parameter: null, object: null }, contract: reference.contract };
  if (reference.kind === "parameter") {
    const where = `SSM parameter ${reference.name} (${place})`;
    const { Parameter } = await ssm(new GetParameterCommand({ Name: reference.name }), { resource: where });
    const found = await findContract({ s3, ssm }, parseContractAddress(Parameter?.Value ?? "", where), place);
    return { ...found, address: { ...found.address, parameter: reference.name } };
  }
  const { bucket: Bucket, key: Key } = reference;
  const where = `s3://${Bucket}/${Key} (${place})`;
  const { Body } = await s3(new GetObjectCommand({ Bucket, Key }), { resource: where });
  const contract = parseContract((await Body?.transformToString()) ?? "", where);
  return { address: { parameter: null, object: { bucket: Bucket, key: Key } }, contract };
}
