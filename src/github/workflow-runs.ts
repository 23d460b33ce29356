import { openGithub } from "./client.ts";

/**
 * Asks GitHub whether a workflow run is over. Needs the permission `actions: read`.
 * Source: https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run (`status`: completed, or one of those before it)
 * @returns `unknown` when GitHub does not say
 */
export async function isRunOver(
  token: string,
  { repository, id }: { readonly repository: string; readonly id: number },
): Promise<"over" | "running" | "unknown"> {
  const [owner = "", repo = ""] = repository.split("/");
  try {
    const { data } = await openGithub(token).request("GET /repos/{owner}/{repo}/actions/runs/{run_id}", {
      owner,
      repo,
      run_id: id,
    });
    if (data.status === null) return "unknown";
    return data.status === "completed" ? "over" : "running";
  } catch (error) {
    // 404: it was deleted, or the token may not read it. Whatever it is, it is not an answer.
    if (typeof error === "object" && error !== null && "status" in error) return "unknown";
    throw error;
  }
}
