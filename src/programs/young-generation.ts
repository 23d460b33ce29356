import { setFlagsFromString } from "node:v8";

/**
 * Lets V8's young generation grow no further: for whoever reads much that soon is garbage, which fills whatever room it has.
 *
 * Node's page warns that flags which change after V8 has started may lead to crashes or lost data, or to nothing at all. This one is
 * changed all the same: V8 reads the number when that generation is to grow and at no other time, and Node starts V8 with flags that
 * can be changed.
 * Source: https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
