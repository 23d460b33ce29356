export { checkCheckout } from "./checkout.ts";
export {
  type ContractObject,
  type ContractReference,
  contractReference,
  parseContract,
  parseContractAddress,
  type StackRequest,
} from "./contract.ts";
export { findings, withLevels } from "./findings.ts";
export { resolveStack } from "./resolve.ts";
export type * from "./stack.ts";
export { type Asked, contractPlace, parseStackFile, regionOf } from "./stack-file.ts";
