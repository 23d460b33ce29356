/** Releases that are played and held against what must be true, each with a number. */
export interface Trials {
  readonly count: number;
  /** How many may be made at once. */
  readonly lanes: number;
  open(): Lane;
}

/** One after the other. */
export interface Lane {
  make(number: number): Promise<Made>;
  close(): Promise<void>;
}

export interface Made {
  /** What was done. */
  readonly line: string;
  readonly wrong: readonly string[];
}
