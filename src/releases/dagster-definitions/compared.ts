import type { Untrusted } from "../../domain/evidence.ts";
import type { CodeChange } from "./compare.ts";
import type { OnLoss } from "./on-loss.ts";
import type { Touched } from "./touched.ts";

/** From where a plan knows what new code defines. */
export interface DefinitionsSource {
  /** Code of images of layers is loaded on this machine. */
  readonly loads: boolean;
  /** What `definitions/describe.py` has written elsewhere; `location` null: the file says of which one it is. */
  readonly files: readonly { readonly location: string | null; readonly path: string }[];
}

/** A change with what people have made that hangs on its name. */
export interface CodeChangeWithState extends CodeChange {
  /** null: nothing that is known. */
  readonly touches: Touched | null;
}

/** What new code changes in what one location defines. */
export type ComparedDefinitions =
  | {
      readonly kind: "compared";
      readonly changes: readonly CodeChangeWithState[];
      /** How many definitions new code has. */
      readonly count: number;
      readonly onLoss: OnLoss;
    }
  /** No step of the plan changes what serves it. */
  | { readonly kind: "stays" }
  | {
      readonly kind: "not-compared";
      /** Our own words: a sentence. */
      readonly why: string;
      readonly quoted: Untrusted | null;
      readonly fix: string | null;
    };
