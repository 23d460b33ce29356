import { CreateRepositoryCommand, type CreateRepositoryCommandInput } from "@aws-sdk/client-ecr";
import type { EcrSend } from "../../../src/aws/ecr.ts";
import type { Context } from "../../../src/domain/context.ts";
import type { ImageClients } from "../../../src/images/clients.ts";
import { haveRepository } from "../../../src/images/repository.ts";

const context = { report: () => undefined } as unknown as Context;

/** What ECR is asked for; no program on this machine keeps the filters of a repository. */
async function askedFor(
  creation: { readonly scanOnPush: boolean; readonly kmsKey: string | null } | null,
  hasRepository = false,
): Promise<readonly CreateRepositoryCommandInput[]> {
  const asked: CreateRepositoryCommandInput[] = [];
  const send = async (command: unknown): Promise<unknown> => {
    if (!(command instanceof CreateRepositoryCommand)) throw new Error("another call");
    asked.push(command.input);
    return {};
  };
  const clients = { ecr: send as EcrSend } as ImageClients;
  await haveRepository(clients, context, { hasRepository, request: { repository: "app", createRepository: creation } });
  return asked;
}

test("a repository is made so that no tag moves but a cache's, scanned, and encrypted", async () => {
  expect(await askedFor({ scanOnPush: true, kmsKey: null })).toEqual([
    {
      repositoryName: "app",
      imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
      imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "cache*" }],
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: "AES256" },
    },
  ]);
  expect(await askedFor({ scanOnPush: false, kmsKey: "alias/images" })).toMatchObject([
    {
      imageScanningConfiguration: { scanOnPush: false },
      encryptionConfiguration: { encryptionType: "KMS", kmsKey: "alias/images" },
    },
  ]);
});

test("one that is there, or that nobody wants made, is not asked for", async () => {
  expect(await askedFor({ scanOnPush: true, kmsKey: null }, true)).toEqual([]);
  expect(await askedFor(null)).toEqual([]);
});
