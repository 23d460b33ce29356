import { type AccountOptions, stackFile, stagedStackFile } from "./account.ts";

/** The lock file that pins this version of Dagster. */
export function lockOf(version: string): string {
  return `dagster==${version} --hash=sha256:${"0".repeat(64)}\n`;
}

/** The same stack, whose images pin Dagster, with a migration that brings its database along. */
export function upgradable(stack: string, imageOfHosts: "code" | "host"): string {
  return migratingDagster(
    stack
      .replaceAll("base: small/base:python,", "base: small/base:python, requirements: requirements.lock,")
      .replaceAll(/^( +)base: small\/base:python$/gm, "$&\n$1requirements: requirements.lock"),
    imageOfHosts,
  );
}

/** The same stack, with Dagster's own migration behind that of the application. */
export function migratingDagster(stack: string, image: "code" | "host"): string {
  return stack.replace("tool: alembic }", `tool: alembic }\n  - { name: instance, image: ${image}, tool: dagster }`);
}

/** A stack whose images pin Dagster, and whose migrations bring its database along. */
export const pinned: AccountOptions = {
  stack: upgradable(stackFile, "host"),
  files: { "requirements.lock": lockOf("1.12.9") },
};

/** One image for code and hosts, which move with Dagster. */
export const oneImage = {
  stack: onOneImage(stackFile),
  files: { "requirements.lock": lockOf("1.12.9") },
} satisfies AccountOptions;

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
