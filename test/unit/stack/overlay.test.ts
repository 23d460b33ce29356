import fc from "../../properties.ts";
import { overlay } from "../../../src/stack/overlay.ts";
import { fromValue, type MapTree, placeAt, toValue } from "../../../src/stack/tree.ts";

function mapOf(value: object, file = "base"): MapTree {
  const tree = fromValue(value, { file, line: 1, column: 1 });
  if (tree.kind !== "map") throw new Error("not a mapping");
  return tree;
}

function laid(base: object, over: object): unknown {
  return toValue(overlay(mapOf(base), mapOf(over, "over")));
}

const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const key = fc.constantFrom("a", "b", "c", "services", "environment");
const { value } = fc.letrec<{ value: unknown; map: object }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, scalar, fc.array(scalar, { maxLength: 3 }), tie("map")),
  map: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
}));
const document = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });

describe("an environment laid over the top", () => {
  test("changes nothing when it says nothing", () => {
    fc.assert(fc.property(document, (base) => expect(laid(base, {})).toEqual(base)));
  });

  test("is all there is when the top says nothing", () => {
    fc.assert(fc.property(document, (over) => expect(laid({}, over)).toEqual(over)));
  });

  test("changes nothing when it says the same, or says it twice", () => {
    fc.assert(
      fc.property(document, document, (base, over) => {
        expect(laid(base, base)).toEqual(base);
        expect(laid(laid(base, over) as object, over)).toEqual(laid(base, over));
      }),
    );
  });

  test("wins wherever it says a single value or a list, and leaves what it does not name", () => {
    const check = (base: unknown, over: unknown, result: unknown): void => {
      if (!isMap(over) || !isMap(base)) return expect(result).toEqual(over);
      if (!isMap(result)) throw new Error("two mappings did not give a mapping");
      expect(new Set(Object.keys(result))).toEqual(new Set([...Object.keys(base), ...Object.keys(over)]));
      for (const name of Object.keys(result)) {
        if (name in over && name in base) check(base[name], over[name], result[name]);
        else expect(result[name]).toEqual(name in over ? over[name] : base[name]);
      }
    };
    fc.assert(fc.property(document, document, (base, over) => check(base, over, laid(base, over))));
  });

  test.each([
    ["mappings merge", { tags: { a: "1", b: "1" } }, { tags: { b: "2" } }, { tags: { a: "1", b: "2" } }],
    ["lists replace", { "secrets-from": ["x", "y"] }, { "secrets-from": ["z"] }, { "secrets-from": ["z"] }],
    ["a mapping replaces a text", { x: "a" }, { x: { y: 1 } }, { x: { y: 1 } }],
    ["a text replaces a mapping", { x: { y: 1 } }, { x: "a" }, { x: "a" }],
    ["the contract replaces whole", { contract: { a: 1, b: 2 } }, { contract: { a: 3 } }, { contract: { a: 3 } }],
    [
      "a key of that name elsewhere merges",
      { environment: { contract: { a: 1 } } },
      { environment: { contract: { b: 2 } } },
      { environment: { contract: { a: 1, b: 2 } } },
    ],
    [
      "a way of building replaces the same way whole",
      { images: { app: { repository: "r", build: { dockerfile: "D", target: "t" } } } },
      { images: { app: { build: { dockerfile: "E" } } } },
      { images: { app: { repository: "r", build: { dockerfile: "E" } } } },
    ],
    [
      "a way of building replaces the other",
      { images: { app: { repository: "r", build: { dockerfile: "D" } }, other: { build: {} } } },
      { images: { app: { layers: { base: "b" } } } },
      { images: { app: { repository: "r", layers: { base: "b" } }, other: { build: {} } } },
    ],
    [
      "an image that says only its platform keeps its way of building",
      { images: { app: { build: { dockerfile: "D" } } } },
      { images: { app: { platform: "linux/arm64" } } },
      { images: { app: { build: { dockerfile: "D" }, platform: "linux/arm64" } } },
    ],
  ])("%s", (_name, base, over, expected) => expect(laid(base, over)).toEqual(expected));

  test("every value keeps the place where it was written", () => {
    const result = overlay(
      mapOf({ services: { web: { count: 1, port: 3000 } } }),
      mapOf({ services: { web: { count: 2 }, more: {} } }, "over"),
    );
    expect(placeAt(result, ["services", "web", "count"]).file).toBe("over");
    expect(placeAt(result, ["services", "web", "port"]).file).toBe("base");
    expect(placeAt(result, ["services", "more"]).file).toBe("over");
    const web = mapAt(mapAt(result, "services"), "web");
    expect([mapAt(result, "services"), web].map(({ place }) => place.file)).toEqual(["base", "base"]);
    expect(result.entries.get("services")?.key.file).toBe("base");
    expect(mapAt(result, "services").entries.get("web")?.key.file).toBe("base");
    expect(web.entries.get("count")?.key.file).toBe("over");
  });
});

function mapAt(tree: MapTree, name: string): MapTree {
  const value = tree.entries.get(name)?.value;
  if (value?.kind !== "map") throw new Error(`${name} is no mapping`);
  return value;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
