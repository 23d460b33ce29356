import { RolloutFailed } from "../../domain/errors.ts";
import type { Evidence } from "../../domain/evidence.ts";
import type { Results } from "../../domain/later.ts";
import type { Release } from "../../domain/release.ts";
import type { Cause, Verdict } from "../../domain/verdict.ts";
import type { GateResult } from "../../gates/gate.ts";

/** What a step gave. */
export interface Done {
  /** For the holes of later steps. */
  readonly results: Results[string];
  /** Parts of the release that are known now. */
  readonly parts: Partial<Pick<Release, "images" | "kept" | "taskDefinitions" | "migrations">>;
  /** For people: one line. */
  readonly said: string;
  /** Somebody else has done the same meanwhile: it is not for this release to take back. */
  readonly isOthers?: boolean;
  readonly verdict?: Verdict;
  readonly gate?: GateResult;
}

/** A step that was carried out and did not do what it should. */
export class StepFailed extends RolloutFailed {
  override readonly name: string = "StepFailed";
  readonly failure: Cause;
  /** What stays of it all the same. */
  readonly parts: Done["parts"];

  constructor(failure: Cause, evidence: readonly Evidence[], verdict?: Verdict, parts: Done["parts"] = {}) {
    super(failure.what, verdict === undefined ? [] : [verdict], { evidence });
    this.failure = failure;
    this.parts = parts;
  }
}
