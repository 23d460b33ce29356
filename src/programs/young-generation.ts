import { setFlagsFromString } from "node:v8";

/**
 * Lets V8's young generation grow no further: for whoever reads much that soon is garbage, which fills whatever room it has. V8 looks at
 * this whenever that generation is about to grow, and Node leaves its flags changeable for such a case.
 * Source: https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
