import { readElements } from "../../../src/aws/json-elements.ts";
import fc from "../../properties.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function* inPieces(whole: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const ends = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  for (const [index, end] of ends.entries()) yield whole.subarray(ends[index - 1] ?? 0, end);
}

const read = async (
  text: string,
  cuts: readonly number[] = [],
): Promise<readonly [readonly object[] | null, string]> => {
  const { elements, rest } = await readElements(inPieces(bytes(text), cuts), "events");
  return [elements, new TextDecoder().decode(rest)];
};

/** Objects with all that JSON can hold, quotes, brackets and letters of several bytes in their texts. */
const element = fc.dictionary(
  fc.string({ unit: "grapheme" }),
  fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom('"', "\\", "{", "}", "[", "]", ",", "é", "│") }),
  ),
);
const cut = fc.array(fc.nat());
const other = fc.record({
  token: fc.string({ unit: "grapheme" }),
  nested: fc.dictionary(fc.string(), element),
  notes: fc.array(element),
  eventsBefore: fc.array(element),
});

test("wherever an answer is cut into pieces, its elements and the rest are those of the whole", async () => {
  const property = fc.asyncProperty(
    fc.array(element),
    other,
    fc.boolean(),
    fc.boolean(),
    cut,
    async (events, members, isLast, isIndented, cuts) => {
      const whole = isLast ? { ...members, events } : { events, ...members };
      const [elements, rest] = await read(JSON.stringify(whole, null, isIndented ? 2 : 0), cuts);
      const values = JSON.parse(JSON.stringify(events)) as unknown;
      expect(elements).toStrictEqual(values);
      expect(JSON.parse(rest)).toStrictEqual(JSON.parse(JSON.stringify({ ...whole, events: events.map(() => null) })));
    },
  );
  await fc.assert(property);
});

test("an answer that is cut off anywhere is not JSON, and never a shorter list", async () => {
  const text = JSON.stringify({ events: [{ message: "a" }, { message: "b" }], nextForwardToken: "f/1" });
  for (let length = 1; length < text.length; length += 1) {
    const [, rest] = await read(text.slice(0, length));
    expect(() => JSON.parse(rest) as unknown).toThrow(SyntaxError);
  }
});

test.each([
  "<html>{ }</html>",
  "",
  "}]}",
  "null",
  '"[{}]"',
  '{"a":{"events":[{}]}}',
  '{"notes":[{}],"event":[{}],"eventss":[{}]}',
])("what holds no list of this name is the rest, as it came: %s", async (text) => {
  expect(await read(text, [3, 5])).toStrictEqual([null, text]);
});

test("an element that is not JSON is an error", async () => {
  await expect(read('{"events":[{"message":}]}')).rejects.toThrow(SyntaxError);
});

test.each<[string, readonly object[]]>([
  ['{"events":[null,{"a":1},"text",2,[{"b":1}],true]}', [{ a: 1 }]],
  ['{"events":[null]}', []],
  ['{"events":[{"a":1}],"events":[{"b":2}]}', [{ b: 2 }]],
])("what is no object is left out: %s", async (text, expected) => {
  for (let cut = 0; cut < text.length; cut += 1) {
    const [elements, rest] = await read(text, [cut]);
    expect(elements).toStrictEqual(expected);
    expect(() => JSON.parse(rest) as unknown).not.toThrow();
  }
});

test.each(['{"a":1} oops {"b":2}', '{"a":1}{"b":2}', '{"a":1},', ',{"a":1}', '{"a":1}:{"b":2}', "nul"])(
  "what is not JSON beside the elements is not JSON in the rest: %s",
  async (list) => {
    const [, rest] = await read(`{"events":[${list}],"token":"f/1"}`, [20]);
    expect(() => JSON.parse(rest) as unknown).toThrow(SyntaxError);
  },
);

test("what breaks the connection is thrown on", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield bytes('{"events":[{"mess');
    throw new Error("aborted");
  }
  await expect(readElements(broken(), "events")).rejects.toThrow("aborted");
});
