import { inflateSync } from "node:zlib";
import * as z from "zod";
import type { Reply } from "../../dagster/judge.ts";

/** What a task that asks is told, as JSON. */
export interface Letter {
  /** Mark of the task that it is for. */
  readonly for: string;
  readonly questions: readonly Asked[];
}

/** A question with its number, by which its answer is known. */
export interface Asked {
  readonly number: number;
  readonly url: string;
  /** null: a GET. */
  readonly body: string | null;
}

/** What a task that asks says: what came back, why nothing did, or which headers it cannot send. */
export type Answered =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "none"; readonly why: string }
  | { readonly kind: "unfit"; readonly headers: readonly string[] };

/** Number of what is about no question: the letter cannot be read, or no question can be sent. */
export const ofLetter = 0;

const answeredSchema = z.union([
  z.object({
    status: z.int(),
    location: z.string().nullable(),
    challenge: z.string().nullable(),
    body: z.string(),
  }),
  z.object({ error: z.string() }),
  z.object({ unfit: z.array(z.string()) }),
]);

/** Puts answers together that come in lines, each `<number> <part> <of> <packed text>`; lines of several answers may alternate. */
export function answerReader(): (line: string) => { readonly number: number; readonly answered: Answered } | null {
  const begun = new Map<number, string[]>();
  return (line) => {
    const [, number, part, of, text] = /^ (\d+) (\d+) (\d+) ([\w+/=]+)\s*$/.exec(line) ?? [];
    if (text === undefined) return null;
    const parts = begun.get(Number(number)) ?? [];
    parts[Number(part) - 1] = text;
    begun.set(Number(number), parts);
    if (Object.keys(parts).length < Number(of)) return null;
    begun.delete(Number(number));
    return { number: Number(number), answered: unpacked(parts.join("")) };
  };
}

/** Bytes of an answer: workspaces of hundreds of locations have some MB. */
const longest = 64 * 1024 * 1024;

function unpacked(text: string): Answered {
  try {
    const found = answeredSchema.parse(
      JSON.parse(inflateSync(Buffer.from(text, "base64"), { maxOutputLength: longest }).toString("utf8")),
    );
    if ("unfit" in found) return { kind: "unfit", headers: found.unfit };
    return "error" in found ? { kind: "none", why: found.error } : { kind: "reply", reply: found };
  } catch {
    return { kind: "none", why: "its answer came through the log in pieces that do not fit" };
  }
}
