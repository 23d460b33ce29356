import fc from "../../properties.ts";
import { distance, nearest } from "../../../src/stack/nearest.ts";

describe("the distance of two texts", () => {
  test.each([
    ["daemon", "daemon", 0],
    ["daemon", "deamon", 1],
    ["health", "helth", 1],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3],
  ])("%s to %s: %i", (a, b, slips) => expect(distance(a, b)).toBe(slips));

  test("is the same both ways, nothing for one text, and never more than the longer one", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(distance(a, b)).toBe(distance(b, a));
        expect(distance(a, a)).toBe(0);
        expect(distance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  test("is the same where only so many slips are told apart, and above that more than those", () => {
    const text = fc.stringMatching(/^[ab]{0,9}$/);
    fc.assert(
      fc.property(text, text, fc.nat(9), (a, b, most) => {
        const whole = distance(a, b);
        const told = distance(a, b, most);
        if (whole <= most) expect(told).toBe(whole);
        else expect(told).toBeGreaterThan(most);
      }),
    );
  });

  test("is one for each single slip", () => {
    const text = fc.stringMatching(/^[a-z]{3,10}$/);
    fc.assert(
      fc.property(text, fc.nat(), (word, seed) => {
        const index = seed % (word.length - 1);
        const left = word.slice(0, index) + word.slice(index + 1);
        const swapped = word.slice(0, index) + (word[index + 1] ?? "") + (word[index] ?? "") + word.slice(index + 2);
        expect(distance(word, left)).toBe(1);
        expect(distance(word, swapped)).toBe(word === swapped ? 0 : 1);
      }),
    );
  });
});

describe("the name that was meant", () => {
  const known = ["image", "images", "mounts", "moves-with", "task-definition"];
  test.each([
    ["imge", "image"],
    ["Image", "image"],
    ["task_definition", "task-definition"],
    ["taskdefinition", "task-definition"],
    ["moves-wiht", "moves-with"],
    ["port", null],
    ["x", null],
    ["", null],
  ])("%s: %s", (name, meant) => expect(nearest(name, known)).toBe(meant));

  test("whatever they are: what comes first of those with the fewest slips, of so many as are let pass", () => {
    const text = fc.stringMatching(/^[a-c]{0,7}$/);
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 6 }), (name, candidates) => {
        const allowed = Math.min(Math.max(1, Math.floor(name.length / 3)), name.length - 1);
        const slips = candidates.map((one) => distance(name, one));
        const least = Math.min(...slips);
        expect(nearest(name, candidates)).toBe(least <= allowed ? candidates[slips.indexOf(least)] : null);
      }),
    );
  });

  test("one whose length alone is too many slips is not looked at: long texts take no time", () => {
    const begun = performance.now();
    const long = "x".repeat(20_000);
    expect(nearest(long, [`${long}${long}`, "y"])).toBeNull();
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  test("of two that are as near, the first", () => {
    expect(nearest("bat", ["cat", "hat"])).toBe("cat");
  });
});
