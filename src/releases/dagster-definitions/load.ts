import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../domain/context.ts";
import { contentHash } from "../../domain/json.ts";
import {
  type ImageClients,
  inScratch,
  installWheels,
  keptPackages,
  type LayersObservation,
  layOut,
  once,
  prepareSources,
} from "../../images/index.ts";
import { findPython, ProgramFailed, type Python, run } from "../../programs/index.ts";
import type { CodeLocation } from "../../stack/stack.ts";
import { type Description, parseDescription } from "./description.ts";
import { describeProgram } from "./program.ts";

/** A location whose code is to be loaded, of an image of layers. */
export interface LoadRequest {
  readonly service: CodeLocation;
  /** Python module that holds the definitions. */
  readonly module: string;
  readonly image: LayersObservation;
}

/**
 * Loads the code of a location on this machine: the files of its image, with the packages of its lock file. Its process is given the
 * variables that the stack file writes in plain text, nothing of this one's environment, and three minutes; it is not kept from anything
 * else.
 * @returns what it defines, or why nobody knows, as the end of a sentence
 * @throws UserError when packages or Python cannot be had, or a command of `prepare` fails; Cancelled
 */
export async function loadDefinitions(
  context: Context,
  clients: Pick<ImageClients, "kept" | "prepared" | "scratch">,
  request: LoadRequest,
): Promise<Description | string> {
  return inScratch(clients.scratch, async (folder) => {
    const [tree, home, work] = ["image", "home", "prepare"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const one of [tree, home, work]) await mkdir(one);
    const python = await findPython(folder);
    const { image } = request;
    const packages = await packagesOf(context, clients, image, python);
    const { entries } =
      image.request.prepare.length === 0 ? image.sources : await prepareSources(clients, context, image, work);
    await layOut(entries, tree);
    await writeFile(join(home, "dagster.yaml"), "telemetry: { enabled: false }\n");
    return describe(context, request, { python: python.executable, packages, tree, home });
  });
}

/** Of an image's own files, in bytes: they are copied once more. */
export const largestTree = 256 * 1024 * 1024;

/** All of its lock file, for this machine; what `prepare` runs with is the same. null: it has none. */
async function packagesOf(
  context: Context,
  { kept, prepared }: Pick<ImageClients, "kept" | "prepared">,
  { request, lock, inputs }: LayersObservation,
  python: Python,
): Promise<string | null> {
  const { root, requirements: file, repository } = request;
  if (lock === null || file === null) return null;
  const { requirements, groups, localPackages } = inputs;
  const wanted = { scheme: 1, python, requirements, groups, localPackages };
  const target = { platform: python.platform, python: python.version };
  return once(prepared, contentHash(wanted), () =>
    keptPackages(context, kept, wanted, (folder) =>
      installWheels(context, { image: repository, lock, file, root, folder, libc: null, target }),
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
}

async function describe(
  context: Context,
  { service, module, image }: LoadRequest,
  { python, packages, tree, home }: Place,
): Promise<Description | string> {
  const { location, workdir, pythonPath, variables } = service;
  const output = join(home, "definitions.json");
  const inTree = (path: string): string => join(tree, path);
  const plain = {
    ...image.request.environment,
    ...Object.fromEntries(Object.entries(variables.environment).map(([name, { value }]) => [name, value])),
  };
  const searched = [...(pythonPath === null ? [] : [inTree(pythonPath)]), ...(packages === null ? [] : [packages])];
  const limit = AbortSignal.timeout(limitMilliseconds);
  const ofThisLocation: Context = {
    ...context,
    signal: AbortSignal.any([context.signal, limit]),
    report: (said) => context.report(said.kind === "foreign" ? { ...said, from: `code of ${location}` } : said),
  };
  const started = inTree(workdir ?? image.request.workdir);
  await mkdir(started, { recursive: true });
  const ended = await run(ofThisLocation, {
    command: python,
    args: ["-c", describeProgram, "--location", location, "-m", module, "-d", started, "-o", output],
    cwd: started,
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
  const text = await textOf(output);
  return text === null ? `it has told nothing: ${ended}` : parseDescription(text, tree);
}

const limitMilliseconds = 180_000;
/** Of all that is answered, in bytes. */
const answerLimit = 32 * 1024 * 1024;

/** What an image sets for its own interpreter and libraries. */
const ofOtherMachine: ReadonlySet<string> = new Set(["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHOME"]);

/** What the program has written; null when that is not a file of its kind. */
async function textOf(file: string): Promise<string | null> {
  const status = await lstat(file).catch(() => null);
  return status !== null && status.isFile() && status.size <= answerLimit ? readFile(file, "utf8") : null;
}
