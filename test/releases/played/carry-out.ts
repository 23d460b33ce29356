import type { Left } from "../../../src/adopt/leaving/leave.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { PlayedAccount } from "./account.ts";

/** What the script of a leave has AWS's command line do. */
export async function carryOut(account: PlayedAccount, { calls }: Pick<Left, "calls">): Promise<void> {
  for (const { service, operation, input } of calls) {
    if (service === "s3") {
      const { bucket, prefix } = input as { readonly bucket: string; readonly prefix: string };
      for (const path of account.s3.objects.keys()) if (path.startsWith(`${bucket}/${prefix}`)) account.s3.remove(path);
    } else if (operation.startsWith("wait")) await account.clock.pass(120_000);
    else await readPastClient(account.aws, operation, input);
  }
}
