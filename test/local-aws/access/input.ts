/** Where a call is made: what ARNs begin with. */
export interface Home {
  readonly account: string;
  readonly region: string;
}

/** A member of an input that is a text; empty when it is absent. */
export function textIn(input: unknown, member: string): string {
  const value = memberOf(input, member);
  return typeof value === "string" ? value : "";
}

/** A member of an input that is a list of texts, or one text. */
export function textsIn(input: unknown, member: string): readonly string[] {
  return listIn(input, member).filter((one) => typeof one === "string");
}

export function listIn(input: unknown, member: string): readonly unknown[] {
  const value = memberOf(input, member);
  return value === undefined ? [] : [value].flat();
}

export function memberOf(input: unknown, member: string): unknown {
  return typeof input === "object" && input !== null ? Reflect.get(input, member) : undefined;
}
