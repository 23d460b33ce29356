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
  [String.raw`A="\a\b\f\v\t\r\c"`, { A: "\u0007\b\f\v\t\r\\c" }],
  [String.raw`A="\\\$x \\n"`, { A: String.raw`\$x \n` }],
  [String.raw`A='it\'s \n \\'`, { A: String.raw`it's \n \\` }],
  [String.raw`A=C:\new "x" 'y'`, { A: String.raw`C:\new "x" 'y'` }],
  ["A=x #y #z\nB=x#\t\n", { A: "x", B: "x#" }],
  ["A='x\r\ny'\r\nB=1\r\n\r\n", { A: "x\r\ny", B: "1" }],
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
  [String.raw`A=pa\$hunter22`, ".env.prod:1", "holds a `$` that compose would replace"],
  [String.raw`A="pa\\$hunter22"`, ".env.prod:1", "holds a `$` that compose would replace"],
  [String.raw`A="pa$\$hunter22"`, ".env.prod:1", "holds a `$` that compose would replace"],
  ["A=pa$\u017Fhunter22", ".env.prod:1", "holds a `$` that compose would replace"],
  ["A=hunter22\t# why", ".env.prod:1", "takes a `#` of A for a part of its value"],
  ["A= # hunter22", ".env.prod:1", "takes a `#` of A for a part of its value"],
  [String.raw`A="hunter22\0123"`, ".env.prod:1", "a character by its number"],
  ["A=hunter22\u00A0", ".env.prod:1", "a space that is not a plain one"],
  ["A='hunter22\uFFFD'", ".env.prod:1", "is not UTF-8"],
  ["export =hunter22", ".env.prod:1", "neither a comment nor NAME=value"],
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

const pieces = fc.constantFrom(..."ab {}$#=\"'\\\t\r\n".split(""), "\\'", "$x", "${y}", " # ", "\u00A0", "é");
const texts = fc.array(pieces, { maxLength: 12 }).map((all) => all.join(""));
const around = (value: string): unknown => read(`A=1\nB=${value}\nC=3`);

test("Any text without a quote that nothing escapes is what it is in single quotes", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const value = text.replaceAll("'", "").replace(/\\+$/, "");
      expect(around(`'${value}'`)).toEqual({ A: "1", B: value, C: "3" });
    }),
  );
});

test("Any text is what it was in double quotes, with a backslash before each backslash, quote and `$`", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const value = text.replaceAll(/[\\"$]/g, String.raw`\$&`);
      expect(around(`"${value}"`)).toEqual({ A: "1", B: text, C: "3" });
    }),
  );
});

test("What is read without quotes is the very text, up to a space and `#`", () => {
  fc.assert(
    fc.property(
      texts.filter((text) => !/^["'\s]|[\n]/.test(text)),
      (text) => {
        let value: unknown;
        try {
          value = around(text);
        } catch (error) {
          expect(String(error)).toMatch(/compose would replace|for a part of its value|not a plain one/);
          return;
        }
        expect(value).toEqual({ A: "1", B: text.replace(/ #[^]*$/, "").trimEnd(), C: "3" });
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
