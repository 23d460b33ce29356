import { getOctokit } from "@actions/github";

/** Asks GitHub in the name of a token. */
export type Github = ReturnType<typeof getOctokit>;

/** Opens GitHub; nothing is asked yet. */
export function openGithub(token: string): Github {
  return getOctokit(token);
}
