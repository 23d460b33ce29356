import * as z from "zod";
import { flag } from "../domain/given.ts";
import { approvedPlan, cleaning, lookedAt, rollingChoices, rollingOut, verification } from "../releases/asked.ts";
import type { Wishes } from "../releases/wishes.ts";
import { options } from "./options.ts";
import { answerOfPlan, answerOfRelease } from "./release.ts";
import type { Asking } from "./request.ts";
import type { Answer } from "./verb.ts";

/** Nobody asks what they are. */
const noDefinitions = { loads: false, files: [] };

/** Images are made of what is checked out. */
export const ofCheckout: Pick<Wishes, "from" | "copyImages"> = { from: null, copyImages: false };

const releasing = { "dry-run": flag, ...lookedAt, ...verification, ...rollingOut, ...cleaning };

type Releasing = z.output<z.ZodObject<typeof releasing>>;

/** What a release is given whose options nobody gives. */
export function usualReleasing(): Releasing {
  const names = Object.keys(releasing) as (keyof typeof releasing)[];
  return z.object(releasing).parse(Object.fromEntries(names.map((name) => [name, options[name].default])));
}

/** Plans a release, or carries it out. */
export async function release(
  given: Releasing,
  { context, connections, request }: Asking,
  wishes: Wishes,
): Promise<Answer> {
  const { allParts, deploy, plan, wordsOfChange } = await import("../releases/work.ts");
  const choices = { ...rollingChoices(given), approved: approvedPlan(given) };
  const wanted = { ...request, ...wishes, ...choices, release: null, verifying: given.verify };
  if (given["dry-run"]) {
    const looked = { ...wanted, whyNotRun: null, isTrial: true, prices: {}, definitions: noDefinitions };
    return answerOfPlan(await plan(context, connections, looked), wordsOfChange);
  }
  return answerOfRelease(
    await deploy(context, connections, { ...wanted, parts: allParts, keepRevisions: given["keep-revisions"] }),
  );
}
