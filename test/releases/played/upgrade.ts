import { type AccountOptions, stackFile, stagedStackFile } from "./account.ts";

/** The lock file that pins this version of Dagster. */
export function lockOf(version: string): string {
  return `dagster==${version} --hash=sha256:${"0".repeat(64)}\n`;
}

/** A stack whose images pin Dagster, and whose migrations bring its database along. */
export const pinned: AccountOptions = {
  stack: stackFile
    .replaceAll("base: small/base:python", "base: small/base:python, requirements: requirements.lock")
    .replace(
      "      base: small/base:python, requirements: requirements.lock\n",
      "      base: small/base:python\n      requirements: requirements.lock\n",
    )
    .replace("tool: alembic }", "tool: alembic }\n  - { name: instance, image: host, tool: dagster }"),
  files: { "requirements.lock": lockOf("1.12.9") },
};

/** One image for code and hosts, which move with Dagster. */
export const oneImage: AccountOptions = {
  stack: onOneImage(stackFile),
  files: { "requirements.lock": lockOf("1.12.9") },
};

/** The same, with an environment before production. */
export const stagedOneImage: AccountOptions = { ...oneImage, stack: onOneImage(stagedStackFile) };

function onOneImage(text: string): string {
  return text
    .replace(
      "layers: { base: small/base:python, files: [{ from: app, to: /app/app }] }",
      `layers:
      base: small/base:python
      requirements: requirements.lock
      files:
        - { from: app, to: /app/app }
        - { from: dagster.yaml, to: /opt/dagster/dagster.yaml }
        - { from: workspace.yaml, to: /opt/dagster/workspace.yaml }`,
    )
    .replace(/ {2}host:\n(?: {4}.*\n)+/, "")
    .replaceAll("image: host", "image: code");
}
