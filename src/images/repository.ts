import { CreateRepositoryCommand } from "@aws-sdk/client-ecr";
import { isAwsError } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { ImageClients } from "./clients.ts";
import type { WantedImage } from "./request.ts";

/**
 * Makes the repository of an image when it is not there and is to be made. Somebody else may be faster. Tags of layer caches, which
 * builders move, are let move.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
 * @throws AwsError
 */
export async function haveRepository(
  { ecr }: ImageClients,
  { report }: Context,
  {
    hasRepository,
    request: { repository, createRepository },
  }: { readonly hasRepository: boolean; readonly request: Pick<WantedImage, "repository" | "createRepository"> },
): Promise<void> {
  if (hasRepository || createRepository === null) return;
  const { scanOnPush, kmsKey } = createRepository;
  report({ kind: "line", text: `Making the repository ${repository}` });
  try {
    await ecr(
      new CreateRepositoryCommand({
        repositoryName: repository,
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "cache*" }],
        imageScanningConfiguration: { scanOnPush },
        encryptionConfiguration: kmsKey === null ? { encryptionType: "AES256" } : { encryptionType: "KMS", kmsKey },
      }),
      { resource: `repository ${repository}` },
    );
  } catch (error) {
    if (!isAwsError(error, "conflict")) throw error; // somebody else was faster, and wanted the same
  }
}

/** What to do about a repository that is to hold an image and does not exist. */
export function noRepository(repository: string, endpoint: string, inStackFile = true): UserError {
  const byUs = inStackFile ? "`create: true` beside `repository` in the stack file" : "`create-repository: true`";
  return new UserError({
    what: `There is no repository ${repository}.`,
    where: endpoint,
    fix: `Let it be made: ${byUs}. Or make it with the infrastructure, or here: aws ecr create-repository --repository-name ${repository} --image-tag-mutability IMMUTABLE --image-scanning-configuration scanOnPush=true`,
  });
}
