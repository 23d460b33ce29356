import type { Comparison, FakeComment, FakeFile, RunStatus } from "./fake-github.ts";

/** Two commits compared. */
export function comparison(api: string, base: string, head: string, status: Comparison): unknown {
  const ahead = status === "ahead" || status === "diverged" ? 1 : 0;
  const behind = status === "behind" || status === "diverged" ? 1 : 0;
  return {
    url: `${api}/compare/${base}...${head}`,
    html_url: `https://github.com/o/r/compare/${base}...${head}`,
    permalink_url: `https://github.com/o/r/compare/o:${base}...o:${head}`,
    diff_url: `https://github.com/o/r/compare/${base}...${head}.diff`,
    patch_url: `https://github.com/o/r/compare/${base}...${head}.patch`,
    base_commit: commit(api, base),
    merge_base_commit: commit(api, base),
    status,
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: ahead === 0 ? [] : [commit(api, head)],
    files: [],
  };
}

function commit(api: string, sha: string): unknown {
  const person = { name: "Mona", email: "mona@example.com", date: "2026-11-21T10:00:00Z" };
  return {
    url: `${api}/commits/${sha}`,
    sha,
    node_id: "C_1",
    html_url: `https://github.com/o/r/commit/${sha}`,
    comments_url: `${api}/commits/${sha}/comments`,
    commit: {
      url: `${api}/git/commits/${sha}`,
      author: person,
      committer: person,
      message: "A commit",
      comment_count: 0,
      tree: { sha, url: `${api}/git/trees/${sha}` },
    },
    author: null,
    committer: null,
    parents: [],
  };
}

/** A workflow run. */
export function workflowRun(api: string, id: number, status: RunStatus | null): unknown {
  const url = `${api}/actions/runs/${id}`;
  return {
    id,
    node_id: "WFR_1",
    head_branch: "main",
    run_number: 1,
    display_title: "Deploy",
    event: "push",
    status,
    conclusion: status === "completed" ? "failure" : null,
    head_sha: "0".repeat(40),
    path: ".github/workflows/deploy.yml",
    workflow_id: 1,
    url,
    html_url: `https://github.com/o/r/actions/runs/${id}`,
    created_at: "2026-11-21T10:00:00Z",
    updated_at: "2026-11-21T10:00:00Z",
    head_commit: null,
    head_repository: repository(api),
    repository: repository(api),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${api}/check-suites/1`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    artifacts_url: `${url}/artifacts`,
    workflow_url: `${api}/actions/workflows/1`,
    pull_requests: [],
  };
}

const repositoryLinks = [
  "archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events",
  "forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges milestones",
  "notifications pulls releases stargazers statuses subscribers subscription tags teams trees",
].flatMap((line) => line.split(" "));

function repository(api: string): unknown {
  return {
    ...Object.fromEntries(repositoryLinks.map((name) => [`${name}_url`, `${api}/${name}`])),
    id: 1,
    node_id: "R_1",
    name: "small",
    full_name: "owner/small",
    private: true,
    owner: user("owner"),
    html_url: "https://github.com/owner/small",
    description: null,
    fork: false,
    url: api,
  };
}

/** A comment on a pull request. */
export function issueComment(api: string, number: number, { id, login, body }: FakeComment): unknown {
  return {
    id,
    node_id: `IC_${id}`,
    url: `${api}/issues/comments/${id}`,
    html_url: `https://github.com/owner/small/pull/${number}#issuecomment-${id}`,
    issue_url: `${api}/issues/${number}`,
    user: login === null ? null : user(login),
    body,
    author_association: "NONE",
    created_at: "2026-11-21T10:00:00Z",
    updated_at: "2026-11-21T10:00:00Z",
  };
}

/** A file that a pull request changes. */
export function diffEntry(api: string, { filename, patch }: FakeFile): unknown {
  const lines = patch?.split("\n") ?? [];
  const [additions, deletions] = ["+", "-"].map((sign) => lines.filter((line) => line.startsWith(sign)).length);
  return {
    sha: "0".repeat(40),
    filename,
    status: "modified",
    additions,
    deletions,
    changes: lines.filter((line) => /^[+-]/.test(line)).length,
    blob_url: `https://github.com/owner/small/blob/main/${filename}`,
    raw_url: `https://github.com/owner/small/raw/main/${filename}`,
    contents_url: `${api}/contents/${filename}`,
    ...(patch === undefined ? {} : { patch }),
  };
}

const userLinks =
  "avatar events followers following gists html organizations received_events repos starred subscriptions".split(" ");

function user(login: string): unknown {
  const url = `https://api.github.com/users/${encodeURIComponent(login)}`;
  return {
    ...Object.fromEntries(userLinks.map((name) => [`${name}_url`, `${url}/${name}`])),
    login,
    id: 1,
    node_id: "U_1",
    gravatar_id: "",
    url,
    type: login.endsWith("[bot]") ? "Bot" : "User",
    site_admin: false,
  };
}
