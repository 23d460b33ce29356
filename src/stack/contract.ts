import { looseObject } from "zod";
import { type Contract, contractSchema } from "../domain/contract.ts";
import { UserError } from "../domain/errors.ts";
import { documentSchema } from "./document.ts";
import { type PlaceholderValues, substitute } from "./placeholders.ts";
import { refusal } from "./problems.ts";
import { schemaProblems } from "./schema-problems.ts";
import { documentOf, type StackFile } from "./stack-file.ts";
import { fromValue, type MapTree, toValue } from "./tree.ts";

/** Where the contract of an environment is. */
export type ContractReference =
  /** In the stack file. */
  | { readonly kind: "mapping"; readonly contract: Contract }
  | ContractObject
  /** The value of this SSM parameter is the contract's address: see {@link parseContractAddress}. */
  | { readonly kind: "parameter"; readonly name: string };

/** A JSON object in S3: see {@link parseContract}. */
export interface ContractObject {
  readonly kind: "object";
  readonly bucket: string;
  readonly key: string;
}

/** Which environment is meant, and what its placeholders stand for. */
export interface StackRequest {
  readonly environment: string;
  /** Account and region that the caller is signed in to. */
  readonly account: string;
  readonly region: string;
  /** The runner's environment variables. */
  readonly variables: PlaceholderValues["variables"];
}

/**
 * Tells where the contract is, or gives it when the stack file holds it.
 * @throws StackFileError when there is no such environment, a placeholder stands for nothing, or the contract has not
 * the right shape
 */
export function contractReference(stackFile: StackFile, request: StackRequest): ContractReference {
  const { written } = writtenContract(stackFile, request);
  if (typeof written !== "string") return { kind: "mapping", contract: written };
  return written.startsWith("ssm:") ? { kind: "parameter", name: written.slice("ssm:".length) } : objectAt(written);
}

/**
 * What an environment says under `contract`, its placeholders replaced, with the part of the file that says it.
 * @throws StackFileError as {@link contractReference} does
 */
export function writtenContract(
  stackFile: StackFile,
  request: StackRequest,
): { readonly tree: MapTree; readonly written: Contract | string } {
  const { place, entries } = documentOf(stackFile, request.environment);
  const alone: MapTree = { kind: "map", place, entries: new Map([...entries].filter(([key]) => key === "contract")) };
  const { tree, problems } = substitute(alone, { ...request, stackName: stackFile.name, contract: null });
  if (problems.length > 0) throw refusal(problems);
  const misshapen = schemaProblems(holdingContract, tree, "replaced");
  if (misshapen.length > 0) throw refusal(misshapen);
  return { tree, written: holdingContract.parse(toValue(tree)).contract };
}

/**
 * Reads the address that an SSM parameter holds.
 * @param where the parameter, as errors call it
 */
export function parseContractAddress(text: string, where: string): ContractObject {
  const address = text.trim();
  if (/^s3:\/\/[a-z0-9.-]+\/.+$/.test(address)) return objectAt(address);
  throw new UserError({
    what: "The parameter does not hold the contract's address.",
    where,
    fix: "It must hold s3://bucket/key, and nothing else. The contract itself is too big for a parameter (4 KB).",
  });
}

/**
 * Reads a contract that was fetched.
 * @param where its address, as errors call it
 */
export function parseContract(text: string, where: string): Contract {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const fix =
      "Write it again from your infrastructure, or check that the address names the contract and nothing else.";
    throw new UserError({ what: "The contract is not JSON.", where, fix });
  }
  const tree = fromValue({ contract: value }, { file: where, line: 1, column: 1 });
  const problems = schemaProblems(looseObject({ contract: contractSchema }), tree, "replaced");
  if (problems.length === 0) return contractSchema.parse(value);
  throw new UserError({
    what: `The contract cannot be used. ${problems.map(({ what, fix }) => `${what} ${fix}`).join(" ")}`,
    where,
    fix: "Mend what writes the contract: docs/stack-file.md lists its keys, and schemas/contract.schema.json is its schema.",
  });
}

const holdingContract = looseObject({ contract: documentSchema.shape.contract });

function objectAt(address: string): ContractObject {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
  return { kind: "object", bucket, key };
}
