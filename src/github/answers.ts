/** Why GitHub did not do what it was asked for. */
export interface Unanswered {
  /** Of HTTP; 500 also where nobody answered. */
  readonly status: number;
  readonly message: string;
}

/** What is told of an error of GitHub's client; null: it is none of its errors. */
export function unanswered(error: unknown): Unanswered | null {
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return null;
  return { status: error.status, message: error.message };
}
