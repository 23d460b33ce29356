import type { DagsCopy, DagsObservation } from "../dags/index.ts";
import type { Outcome, OutcomeKind } from "../domain/journal.ts";
import type { Part, Plan } from "../domain/plan.ts";
import type { CopyObservation, ImageClients, MakingObservation } from "../images/index.ts";
import type { Observation } from "./observation.ts";
import type { BadSince, QueuedRunsChoice } from "./queued-runs.ts";
import type { Told } from "./result.ts";
import type { Rolling } from "./rolling.ts";
import type { RolloutEnd, StepEnd } from "./rollout.ts";
import type { Session } from "./session.ts";
import type { TakenBack } from "./take-back.ts";

/** A plan that is to be carried out. */
export interface Undertaking {
  readonly command: Outcome["command"];
  readonly plan: Plan;
  readonly observation: Observation;
  readonly images: {
    readonly clients: ImageClients;
    readonly observations: Readonly<Record<string, MakingObservation>>;
    readonly copies: Readonly<Record<string, CopyObservation>>;
  };
  /** The code of locations in the checkout, by location. */
  readonly dags: Readonly<Record<string, DagsObservation>>;
  /** Versions that are copied from another environment, by location. */
  readonly dagsCopies: Readonly<Record<string, DagsCopy>>;
  /** The parts of it that are carried out here. */
  readonly parts: readonly Part[];
  /** Steps that were carried out before, and belong to the same story. */
  readonly earlier: readonly StepEnd[];
  /** Hash of the plan that somebody had looked at before; null: nobody had. */
  readonly approved: string | null;
  /** What schedules and sensors lose is only said. */
  readonly allowsStateLoss: boolean;
  readonly rolling: Rolling;
  /** What becomes of runs in the queue when their code is taken back; `since`: what going back itself leaves behind. */
  readonly queued: { readonly choice: QueuedRunsChoice; readonly since: BadSince };
  /** How many old revisions stay of each family once it is committed; null: all do. */
  readonly keepRevisions: number | null;
}

/** What there is to tell of one that was carried out, so far. */
export function tell(
  session: Session,
  { plan, observation, earlier }: Pick<Undertaking, "plan" | "observation" | "earlier">,
  end: RolloutEnd,
  title: string,
  outcome: OutcomeKind | null = null,
  takenBack: readonly TakenBack[] = [],
): Told {
  return {
    title,
    plan,
    observation,
    end,
    earlier,
    outcome,
    takenBack,
    stateAfter: [],
    pointersBack: [],
    listBack: null,
    queued: null,
    revisions: null,
    session,
  };
}
