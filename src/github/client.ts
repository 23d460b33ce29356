import { HttpClient } from "@actions/http-client";
import { Octokit } from "@octokit/core";
import { paginateRest } from "@octokit/plugin-paginate-rest";

const Client = Octokit.plugin(paginateRest);

/** Asks GitHub in the name of a token. */
export type Github = InstanceType<typeof Client>;

/** Opens GitHub, or the GitHub Enterprise of this job, by way of the proxy that the job names; nothing is asked yet. */
export function openGithub(token: string): Github {
  const baseUrl = process.env["GITHUB_API_URL"] ?? "https://api.github.com";
  new HttpClient().getAgentDispatcher(baseUrl);
  return new Client({ auth: token, baseUrl });
}
