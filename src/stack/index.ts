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
export { type Problem, StackFileError } from "./problems.ts";
export { resolveStack } from "./resolve.ts";
export type { Size } from "./size.ts";
export type * from "./stack.ts";
export { type Asked, contractPlace, parseStackFile, regionOf, type StackFile, topEnvironment } from "./stack-file.ts";
export { defaultSize } from "./tasks.ts";
