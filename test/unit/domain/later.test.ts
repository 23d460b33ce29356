import fc from "../../properties.ts";
import {
  isPending,
  type Later,
  type LaterJson,
  later,
  laterText,
  resolve,
  resolveText,
  showAll,
  showLater,
  stepsBehind,
} from "../../../src/domain/later.ts";

const plain = fc.string();
const hole = fc.record({
  step: fc.constantFrom("image:code", "register:run"),
  field: fc.constantFrom("digest" as const, "arn" as const),
});
const texts: fc.Arbitrary<Later> = fc.oneof(
  plain,
  fc.array(fc.oneof(plain, hole), { minLength: 1 }).map((parts) => ({ pending: parts })),
);
const values: fc.Arbitrary<LaterJson> = fc.letrec<{ value: LaterJson }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    texts,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value")),
  ),
})).value;
const results = {
  "image:code": { digest: "sha256:1", arn: "arn:1" },
  "register:run": { digest: "sha256:2", arn: "arn:2" },
};

describe("a text that is known later", () => {
  test("reads like the text it will be, with (known after apply) in its holes", () => {
    const uri = laterText`registry/code@${later("image:code", "digest")}`;
    expect(showLater(uri)).toBe("registry/code@(known after apply)");
    expect(resolveText(uri, results)).toBe("registry/code@sha256:1");
  });

  test("is a plain text as soon as nothing in it is unknown", () => {
    fc.assert(fc.property(plain, plain, (a, b) => expect(laterText`${a}-${b}`).toBe(`${a}-${b}`)));
  });

  test("can be put into another without a change to what it will be", () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(resolveText(laterText`<${a}|${b}>`, results)).toBe(
          `<${resolveText(a, results)}|${resolveText(b, results)}>`,
        );
      }),
    );
  });

  test("names the step that has not given what it needs", () => {
    expect(() => resolveText(later("image:host", "digest"), results)).toThrow("step image:host has given no digest");
  });
});

describe("a structure with texts that are known later", () => {
  test("has no hole once it is resolved, and only those steps were needed that it names", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(stepsBehind(resolve(value, results) as LaterJson)).toEqual([]);
        const needed = stepsBehind(value);
        const only = Object.fromEntries(Object.entries(results).filter(([step]) => needed.includes(step)));
        expect(resolve(value, only)).toEqual(resolve(value, results));
      }),
    );
  });

  test("is plain data: the same after a way through JSON", () => {
    fc.assert(
      fc.property(values, (value) =>
        expect(resolve(JSON.parse(JSON.stringify(value)) as LaterJson, results)).toEqual(resolve(value, results)),
      ),
    );
  });

  test("is shown with the shape it will have", () => {
    fc.assert(
      fc.property(values, (value) => {
        const shape = (member: unknown): unknown =>
          typeof member === "string"
            ? "text"
            : Array.isArray(member)
              ? member.map(shape)
              : typeof member === "object" && member !== null
                ? Object.fromEntries(Object.entries(member).map(([key, inner]) => [key, shape(inner)]))
                : member;
        expect(shape(showAll(value))).toEqual(shape(resolve(value, results)));
        expect(isPending(showAll(value))).toBe(false);
      }),
    );
  });
});
