import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../domain/context.ts";
import { contentHash } from "../../domain/json.ts";
import { type ImageClients, inScratch, installWheels, keptPackages, layOut, once } from "../../images/index.ts";
import { findPython, ProgramFailed, type Python, run } from "../../programs/index.ts";
import { readAnswer } from "./answer-file.ts";
import { type Description, parseDescription } from "./description.ts";
import type { LayersToLoad, LoadRequest } from "./loadable.ts";
import { describeProgram } from "./program.ts";
import { foundIn } from "./search-path.ts";

/**
 * Loads the code of a location on this machine: the files of its image, with the packages of its lock file. Its process is given the
 * variables that the stack file writes in plain text, nothing of this one's environment, and three minutes. It is not kept from anything
 * else: it may read what this machine's user may. Nothing is built.
 * @returns what it defines, or why nobody knows, as the end of a sentence
 * @throws UserError when packages or Python cannot be had, or are not wheels; Cancelled
 */
export async function loadDefinitions(
  context: Context,
  clients: Pick<ImageClients, "kept" | "prepared" | "scratch">,
  request: LoadRequest,
  limitMilliseconds = usualLimit,
): Promise<Description | string> {
  return inScratch(clients.scratch, async (folder) => {
    const [tree, home] = [join(folder, "image"), join(folder, "home")];
    for (const one of [tree, home]) await mkdir(one);
    const python = await findPython(folder);
    const { image } = request;
    const packages = await packagesOf(context, clients, image, python);
    await layOut(image.sources.entries, tree);
    await writeFile(join(home, "dagster.yaml"), "telemetry: { enabled: false }\n");
    return describe(context, request, { python: python.executable, packages, tree, home, limitMilliseconds });
  });
}

/** All of its lock file, for this machine; what `prepare` runs with is the same. null: it has none. */
async function packagesOf(
  context: Context,
  { kept, prepared }: Pick<ImageClients, "kept" | "prepared">,
  { request, lock, inputs }: LayersToLoad,
  python: Python,
): Promise<string | null> {
  const { root, requirements: file, repository } = request;
  if (lock === null || file === null) return null;
  const { requirements, groups, localPackages } = inputs;
  const wanted = { scheme: 1, python, requirements, groups, localPackages };
  const target = { platform: python.platform, python: python.version };
  return once(prepared, contentHash(wanted), () =>
    keptPackages(context, kept, wanted, (folder) =>
      installWheels(context, { image: repository, lock, file, root, folder, libc: null, target, builds: false }),
    ),
  );
}

interface Place {
  /** Path of the interpreter. */
  readonly python: string;
  readonly packages: string | null;
  /** Folder in which the image's files are laid out. */
  readonly tree: string;
  /** A folder of the process's own, and Dagster's home. */
  readonly home: string;
  readonly limitMilliseconds: number;
}

async function describe(
  context: Context,
  { service, module, image }: LoadRequest,
  { python, packages, tree, home, limitMilliseconds }: Place,
): Promise<Description | string> {
  const { location, workdir, pythonPath, variables } = service;
  const output = join(home, "definitions.json");
  const plain: Readonly<Record<string, string>> = {
    ...image.request.environment,
    ...Object.fromEntries(Object.entries(variables.environment).map(([name, { value }]) => [name, value])),
  };
  const { cwd, workingDirectory, searched } = foundIn(
    { written: plain["PYTHONPATH"] ?? null, imageWorkdir: image.request.workdir, workdir, pythonPath },
    tree,
    packages,
  );
  for (const folder of [cwd, workingDirectory]) await mkdir(folder, { recursive: true });
  const limit = AbortSignal.timeout(limitMilliseconds);
  const ofThisLocation: Context = {
    ...context,
    signal: AbortSignal.any([context.signal, limit]),
    report: (said) => context.report(said.kind === "foreign" ? { ...said, from: `code of ${location}` } : said),
  };
  const ended = await run(ofThisLocation, {
    command: python,
    args: ["-c", describeProgram, "--location", location, "-m", module, "-d", workingDirectory, "-o", output],
    cwd,
    variables: "own",
    environment: {
      ...Object.fromEntries(Object.entries(plain).filter(([name]) => !ofOtherMachine.has(name))),
      PYTHONPATH: searched.join(":"),
      PYTHONNOUSERSITE: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      DAGSTER_HOME: home,
      HOME: home,
      TMPDIR: home,
      LANG: "C.UTF-8",
      TZ: "UTC",
    },
    output: "report",
  }).then(
    () => "it ended before",
    (error: unknown) => {
      if (error instanceof ProgramFailed) return error.message.replace(python, "it");
      if (limit.aborted && !context.signal.aborted) return `it was not done after ${limitMilliseconds / 1000} s`;
      throw error;
    },
  );
  const answer = await readAnswer(output);
  return typeof answer === "string" ? `it has told nothing: ${ended}` : parseDescription(answer.text, tree);
}

const usualLimit = 180_000;

/** What an image sets for its own interpreter and libraries. */
const ofOtherMachine: ReadonlySet<string> = new Set(["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHOME"]);
