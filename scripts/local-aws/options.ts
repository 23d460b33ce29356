import { optionsReader, speedOf, speedOption } from "../options.ts";

export interface LocalAwsCommand {
  /** Folder that `stack` is looked for in. */
  readonly from: string;
  readonly stack: string;
  /** null: `local` where the stack file has it, else the top of the file. */
  readonly environment: string | null;
  /** File with values of secrets; null: each key of a secret is its own value. */
  readonly secrets: string | null;
  /** Of the root action; null: none is run. */
  readonly command: string | null;
  readonly speed: number;
  /** End when all is set up, and the command is through. */
  readonly exit: boolean;
}

export const help = `AWS on this machine, with cluster, services, repositories, database and contract of a stack.

npm run local-aws -- --stack FILE [options]

  --stack FILE         the stack file, at the top of its repository
  --environment NAME   environment of it (local where it has one, else production)
  --secrets FILE       JSON, {"name of a secret": {"KEY": "value"}}; without it each key of a secret is its own value,
                       and one like DATABASE_URL or DB_CONN_STRING the address of an empty PostgreSQL database
  --command NAME       run the root action with this command (plan, deploy, …) when all is up
  --speed N            how much faster than AWS its provisioning, settling and draining are (20)
  --exit               end when all is set up, and the command is through, instead of waiting for Ctrl-C
  --help               print this`;

export const readOptions = optionsReader({
  help,
  table: {
    from: { type: "string", default: "." },
    stack: { type: "string" },
    environment: { type: "string" },
    secrets: { type: "string" },
    command: { type: "string" },
    speed: speedOption,
    exit: { type: "boolean", default: false },
  },
  understand: ({ from, stack, environment = null, secrets = null, command = null, speed, exit }): LocalAwsCommand => {
    if (stack === undefined) throw new Error("Which stack? --stack is missing.");
    return { from, stack, environment, secrets, command, speed: speedOf(speed), exit };
  },
});
