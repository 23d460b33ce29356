import type { Finding } from "../domain/finding.ts";
import type { SecretFile } from "../files/secret-files.ts";

/** An image is read by everybody who may pull it, for as long as it is kept: errors, unless `checks` say otherwise. */
export function secretFindings(files: readonly SecretFile[]): readonly Finding[] {
  return files.map(({ path, why, where }) => ({
    id: "secret-in-image",
    level: "error",
    where,
    what: `/${path} would go into the image, and looks as if it held a secret: ${why}.`,
    fix: `Leave it out by a line in .dockerignore, and name the secret under \`secrets\` of the service. When it is none, say so: \`checks: { secret-in-image: { level: notice, reason: … } }\`.`,
    source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-tasks-containers.html",
  }));
}
