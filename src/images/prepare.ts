import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { contentHash } from "../domain/json.ts";
import { findPython, ProgramFailed, run, variableOfJob } from "../programs/index.ts";
import { type ImageClients, once } from "./clients.ts";
import { keptPackages } from "./kept-packages.ts";
import type { ImageObservation } from "./observe.ts";
import { copySources, readSources, type Sources } from "../files/sources.ts";
import { installWheels } from "./wheels.ts";

/**
 * Runs the commands of an image in a copy of its files, each at its place in the checkout, with the packages of its lock file; and reads
 * the files again, with what the commands have written. They see nothing of the checkout that is not listed: so the content key, which
 * knows only that, tells when they have to run again; and nothing of the job's variables, which no content key holds.
 *
 * @param folder an empty one of the caller's
 * @throws UserError for a command that fails, and for packages that cannot be had on this machine
 */
export async function prepareSources(
  clients: Pick<ImageClients, "kept" | "prepared">,
  context: Context,
  { request, lock, inputs }: ImageObservation,
  folder: string,
): Promise<Sources> {
  const { root, files, generated, environment, prepare, places, repository } = request;
  const copy = join(folder, "checkout");
  const home = join(folder, "home");
  await mkdir(copy);
  await mkdir(home);
  await copySources(request, copy, context.signal);
  const python = await findPython(folder);
  const { version, platform } = python;
  const file = request.requirements;
  const { requirements, groups, localPackages } = inputs;
  const wanted = { scheme: 1, python, requirements, groups, localPackages };
  const packages =
    lock === null || file === null
      ? null
      : await once(clients.prepared, contentHash(wanted), () =>
          keptPackages(context, clients.kept, wanted, (empty) =>
            installWheels(context, {
              image: repository,
              lock,
              file,
              root,
              folder: empty,
              libc: null,
              target: { platform, python: version },
            }),
          ),
        );
  const ofThisImage: Context = {
    ...context,
    report: (said) => context.report(said.kind === "foreign" ? { ...said, from: `${repository}: prepare` } : said),
  };
  for (const command of prepare) {
    context.report({ kind: "line", text: `${repository}: preparing: ${command}` });
    try {
      await run(ofThisImage, {
        command: "sh",
        args: [
          "-e",
          "-c",
          'PATH="$1$PATH"; export PATH; eval "$2"',
          "sh",
          packages === null ? "" : `${packages}/bin:`,
          command,
        ],
        cwd: copy,
        environment: {
          ...wayOut(),
          HOME: home,
          LANG: "C.UTF-8",
          TZ: "UTC",
          ...Object.fromEntries(Object.entries(environment).filter(([name]) => name !== "PATH")), // that of another machine
          ...(packages === null ? {} : { PYTHONPATH: packages }),
        },
        output: "report",
        variables: "own",
      });
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      throw new UserError(
        {
          what: `\`${command}\` of \`prepare\` failed: ${error.message.replace(/^sh /, "it ")}.`,
          where: places?.prepare ?? "prepare",
          fix: "Its words are in the log above. It runs in a copy of what `files` lists, with the packages of the lock file, and with the image's `environment` in the place of the job's variables, which the name of the image's content does not know.",
        },
        { cause: error },
      );
    }
  }
  return readSources({ root: copy, files, generated }, context.signal, {
    dockerignore: false, // what a command has made counts, whatever it says of older ones
    layer: true,
    leaveOut: "let the last command of `prepare` remove it",
  });
}

/** How the network is reached: what comes by it is the same with or without. */
function wayOut(): Readonly<Record<string, string>> {
  const names = ["http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"];
  const both = [...names, ...names.map((name) => name.toUpperCase())];
  return Object.fromEntries(
    both.flatMap((name) => {
      const value = variableOfJob(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
