import fc from "../../properties.ts";
import type { JsonMap } from "../../../src/domain/json.ts";
import { modelOf, type Reference, shapeOf } from "../../local-aws/models/model.ts";

const model = modelOf("ecs");

/** A value that AWS's service model allows, empty texts, zeroes and empty lists among them. */
function valueOf(reference: Reference): fc.Arbitrary<unknown> {
  const shape = shapeOf(model, reference);
  const { min = 0, max } = { min: undefined, max: undefined, ...("min" in shape || "max" in shape ? shape : {}) } as {
    readonly min?: number;
    readonly max?: number;
  };
  switch (shape.type) {
    case "structure": {
      const members = Object.entries(shape.members).map(([name, member]) => [name, valueOf(member)] as const);
      return fc.record(Object.fromEntries(members), { requiredKeys: shape.required ?? [] });
    }
    case "list":
      return fc.array(valueOf(shape.member), { minLength: min, maxLength: Math.min(3, max ?? 3) });
    case "map":
      return fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), valueOf(shape.value) as fc.Arbitrary<unknown>, {
        maxKeys: 3,
      });
    case "string":
      if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
      if (shape.pattern !== undefined)
        return fc.stringMatching(new RegExp(`^(?:${shape.pattern})$`, "u")).filter(({ length }) => length >= min);
      return fc.oneof(
        fc.constant("x".repeat(min)),
        fc.string({ minLength: min, maxLength: Math.max(min, Math.min(20, max ?? 20)) }),
      );
    case "integer":
    case "long":
      return fc.oneof(fc.constant(min), fc.integer({ min, max: max ?? 65_535 }));
    case "float":
    case "double":
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case "boolean":
      return fc.boolean();
    case "timestamp":
      throw new Error("no registration holds a time");
  }
}

/** Whatever RegisterTaskDefinition may be given, with the containers `c0`, `c1` … */
export const registrations: fc.Arbitrary<JsonMap & { readonly containerDefinitions: readonly JsonMap[] }> = valueOf({
  shape: "RegisterTaskDefinitionRequest",
}).map((value) => {
  const request = value as JsonMap & { readonly containerDefinitions: readonly JsonMap[] };
  const containers = request.containerDefinitions.length === 0 ? [{}] : request.containerDefinitions;
  return {
    ...request,
    containerDefinitions: containers.map((container, index) => ({ ...container, name: `c${index}` })),
  };
});
