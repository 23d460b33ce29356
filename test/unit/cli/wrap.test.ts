import fc from "../../properties.ts";
import { wrap } from "../../../src/cli/wrap.ts";

test.each<[string, number, readonly string[]]>([
  ["short", 40, ["short"]],
  ["  one two three four", 20, ["  one two three four"]],
  ["  one two three four five", 20, ["  one two three four", "    five"]],
  ["an-address-that-is-longer-than-the-line is left", 20, ["an-address-that-is-longer-than-the-line", "  is left"]],
  ["too narrow for anything", 10, ["too narrow for anything"]],
])("%j in %i columns", (line, width, lines) => expect(wrap(line, width)).toEqual(lines));

test("nothing is lost, and only a word that is too long is longer than the line", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(words, fc.integer({ min: 20, max: 60 }), (all, width) => {
      const lines = wrap(`  ${all.join(" ")}`, width);
      expect(lines.join(" ").split(/\s+/).filter(Boolean)).toEqual(all);
      for (const line of lines) if (line.trimEnd().length > width) expect(line.trim().split(" ")).toHaveLength(1);
    }),
  );
});
