import { parseArgs } from "node:util";

export interface LocalAwsCommand {
  /** Folder that `stack` is looked for in. */
  readonly from: string;
  readonly stack: string;
  readonly environment: string;
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
  --environment NAME   environment of it (local)
  --secrets FILE       JSON: name of a secret to its value; without it each key of a secret is its own value
  --command NAME       run the root action with this command (plan, deploy, …) when all is up
  --speed N            how much faster than AWS its provisioning, settling and draining are (20)
  --exit               end when all is set up, and the command is through, instead of waiting for Ctrl-C
  --help               print this`;

/** @returns the options; or what to print instead of running, and how to exit */
export function readOptions(
  args: readonly string[],
):
  | { readonly kind: "run"; readonly options: LocalAwsCommand }
  | { readonly kind: "say"; readonly text: string; readonly exitCode: number } {
  const refuse = (what: string) => ({ kind: "say", text: `${what}\n\n${help}`, exitCode: 2 }) as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        from: { type: "string", default: "." },
        help: { type: "boolean", default: false },
        stack: { type: "string" },
        environment: { type: "string", default: "local" },
        secrets: { type: "string" },
        command: { type: "string" },
        speed: { type: "string", default: "20" },
        exit: { type: "boolean", default: false },
      },
    });
    const { help: asked, stack, secrets = null, command = null, ...rest } = values;
    if (asked) return { kind: "say", text: help, exitCode: 0 };
    if (stack === undefined) return refuse("Which stack? --stack is missing.");
    const speed = Number(values.speed);
    if (!Number.isFinite(speed) || speed <= 0)
      return refuse(`--speed must be a number above 0, and is ${values.speed}.`);
    return { kind: "run", options: { ...rest, stack, secrets, command, speed } };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
