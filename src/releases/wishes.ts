import { UserError } from "../domain/errors.ts";
import { canonicalJson } from "../domain/json.ts";
import type { Release, Source } from "../domain/release.ts";
import type { Stack } from "../stack/stack.ts";
import type { Promotion, PromotionRequest } from "./promotion.ts";
import type { Session, Subject } from "./session.ts";

/** What somebody wants a release to be about. */
export interface Wishes {
  /** Components of the stack, sorted, each once; null: all of it, or what the release that is carried on is about. */
  readonly only: Release["only"];
  /** The environment whose images are released; null: they are made of the checkout, or as the release that is carried on says. */
  readonly from: PromotionRequest | null;
  /** Images that another registry has are copied to this one. */
  readonly copyImages: boolean;
}

/** Is a release about what is wished, and about nothing else? */
export function isWished(release: Release, wishes: Wishes): boolean {
  const isAsPartial = (release.only === null) === (wishes.only === null);
  const isAsPromoted = (release.promotes === null) === (wishes.from === null);
  return isAsPartial && isAsPromoted && agrees(release, wishes);
}

/** Is a release about what is wished, as far as anything is? */
export function agrees(release: Release, wishes: Wishes): boolean {
  return disagreement(release, wishes) === null;
}

/**
 * A release that was handed over is about what this step names, if it names anything.
 * @throws UserError
 */
export function checkWishes(release: Release, wishes: Wishes): void {
  const different = disagreement(release, wishes);
  if (different === null) return;
  const { input, has, wants } = different;
  throw new UserError({
    what: `The release that was handed over is ${has}, and this step is ${wants}.`,
    where: `input ${input}`,
    fix: `Give each step of a release the same \`${input}\`; or leave it empty after the first, which passes it on in \`release\`.`,
  });
}

/**
 * What a part is added to must be there.
 * @throws UserError
 */
export function checkPartial({ stack, currentRelease }: Session, { only }: Release): void {
  if (only === null || currentRelease !== null) return;
  throw new UserError({
    what: `Nothing is released to ${stack.environment} yet: a first release is of the whole stack, and this one would be of ${only.join(", ")} only.`,
    where: "input only",
    fix: "Deploy the whole stack once, without `only`.",
  });
}

/**
 * What a release is begun for: the commit that is checked out, or the one that another environment has released; then only the stack
 * file is of the checkout.
 */
export function subjectOf(
  scope: Stack,
  only: Release["only"],
  promotion: Promotion | null,
  checkedOut: Source,
): Subject {
  if (promotion === null) {
    const { repository, sha } = checkedOut;
    const sources = { [repository]: sha };
    return { source: checkedOut, sources, only, promotes: null, stackFile: null, addsToCurrent: true };
  }
  const { environment, release } = promotion;
  const isPartial = only !== null;
  const repositories = new Set(
    Object.entries(release.images).flatMap(([key, { source }]) =>
      Object.hasOwn(scope.images, key) ? [source.repository] : [],
    ),
  );
  const sources = Object.entries(release.sources).filter(([repository]) => !isPartial || repositories.has(repository));
  return {
    source: release.source,
    sources: Object.fromEntries(sources),
    only,
    promotes: { environment, release: release.id },
    stackFile: checkedOut,
    addsToCurrent: isPartial,
  };
}

function disagreement(
  { only, promotes }: Release,
  wishes: Wishes,
): { readonly input: string; readonly has: string; readonly wants: string } | null {
  if (wishes.only !== null && canonicalJson(wishes.only) !== canonicalJson(only)) {
    return { input: "only", has: `of ${showOnly(only)}`, wants: `of ${showOnly(wishes.only)}` };
  }
  const { from } = wishes;
  if (from === null) return null;
  const isSame =
    promotes !== null &&
    promotes.environment === from.environment &&
    (from.release === null || from.release === promotes.release);
  if (isSame) return null;
  const has = promotes === null ? "made of its commit" : `release ${promotes.release} of ${promotes.environment}`;
  return { input: "from", has, wants: `of ${from.release ?? "what is current"} in ${from.environment}` };
}

function showOnly(only: Release["only"]): string {
  return only === null ? "the whole stack" : only.join(", ");
}
