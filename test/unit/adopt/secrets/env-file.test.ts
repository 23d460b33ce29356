import fc from "../../../properties.ts";
import { readEnvFile } from "../../../../src/adopt/secrets/env-file.ts";
import { errorOf } from "../../../error-of.ts";

const read = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readEnvFile(text, ".env.prod").map(({ name, value }) => [name, value]));

test.each([
  ["A=1\nB = two words \n", { A: "1", B: "two words" }],
  ["# said\n\nexport A=1 # why\r\nB=x#y\n", { A: "1", B: "x#y" }],
  ["A=\nB=''\n", { A: "", B: "" }],
  [`A='a $b "c"' # d\n`, { A: `a $b "c"` }],
  [String.raw`A="a\nb \"c\" \$d \\ \q"`, { A: 'a\nb "c" $d \\ \\q' }],
  ["KEY='-----BEGIN\nMII=\n-----END'\nNEXT=1", { KEY: "-----BEGIN\nMII=\n-----END", NEXT: "1" }],
  ["\uFEFFA=postgresql://u:p@h/d?x=1", { A: "postgresql://u:p@h/d?x=1" }],
  ["A=cost$ 5", { A: "cost$ 5" }],
])("%j is read as docker compose reads it", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  ["A=1\nA=hunter22", ".env.prod:2", "A is in this file twice"],
  ["A=1\nPASSWORD", ".env.prod:2", "neither a comment nor NAME=value"],
  ["A=pa$hunter22", ".env.prod:1", "holds a `$` that compose would replace"],
  ['A="pa${hunter22}"', ".env.prod:1", "holds a `$` that compose would replace"],
  ["A='hunter22", ".env.prod:1", "The quotes of A do not end"],
  ['A="hunter22" hunter22', ".env.prod:1", "Behind the quotes of A there is more"],
  ["KEY=-----BEGIN\nhunter22TRN9aBcDeFgHiJkLmNoPqRsTuVw=\n", ".env.prod:2", "neither a comment nor NAME=value"],
  ["A=1\nhunter22!\n", ".env.prod:2", "neither a comment nor NAME=value"],
])("%j is refused: it is not certain what is meant, and no value is quoted", async (text, where, what) => {
  const error = await errorOf(Promise.resolve().then(() => read(text)));
  expect(error).toMatchObject({ where });
  expect(String(error)).toContain(what);
  expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain("hunter22");
});

test("Any text in single quotes is what it is", () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !/['\r]/.test(text)),
      (text) => {
        expect(read(`A=1\nB='${text}'\nC=3`)).toEqual({ A: "1", B: text, C: "3" });
      },
    ),
  );
});

test("No error of any file quotes what stands behind an `=`", async () => {
  const secret = "Zq7-correct-horse";
  const piece = fc.constantFrom("A", "=", " ", "\n", "'", '"', "$", "#", secret, `K=${secret}`, "export ");
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const error = await errorOf(Promise.resolve().then(() => read(pieces.join(""))));
      expect(String(error)).not.toContain(secret);
    }),
  );
});
