import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Plan } from "../domain/plan.ts";
import {
  inScratch,
  type LayersObservation,
  layOut,
  type Lock,
  type MakingObservation,
  openShelf,
} from "../images/index.ts";
import { headsOf, lacking } from "../migrations/scripts.ts";
import { renderSql, type SqlPreview, type SqlRequest } from "../migrations/sql.ts";
import { findPython } from "../programs/index.ts";
import type { Migration, Stack } from "../stack/stack.ts";
import type { Observed } from "./observe.ts";

/** Where SQL is rendered, and whether it may be. */
export interface SqlPlace {
  /** Folder for what is too large for memory. */
  readonly scratch: string;
  /** null: files of the checkout may be run here; else why not, as a sentence. */
  readonly whyNotRun: string | null;
}

/**
 * The SQL of every migration that a plan would run and whose stack file asks for it (`preview: sql`). It never fails for the
 * migrations' sake: why there is none is part of what is told.
 * @throws Cancelled
 */
export async function previewSql(
  context: Context,
  { migrations }: Stack,
  { observation, images }: Observed,
  { steps }: Plan,
  place: SqlPlace,
): Promise<Readonly<Record<string, SqlPreview>>> {
  const due = new Set(steps.flatMap((step) => (step.kind === "run-task" ? [step.migration] : [])));
  const previews: [string, SqlPreview][] = [];
  for (const migration of migrations) {
    if (migration.preview !== "sql" || !due.has(migration.name)) continue;
    previews.push([migration.name, await previewOf(context, migration, observation, images[migration.image], place)]);
  }
  return Object.fromEntries(previews);
}

async function previewOf(
  context: Context,
  migration: Migration,
  { scripts, current }: Observed["observation"],
  image: MakingObservation | undefined,
  { scratch, whyNotRun }: SqlPlace,
): Promise<SqlPreview> {
  const { name } = migration;
  const read = scripts[name];
  if (image?.way === "docker") return none("Its image is built from a Dockerfile: what is in it is not known before.");
  if (image === undefined || read === undefined)
    return none("Its image is not made of this checkout, which has nothing to say of its revisions.");
  if (whyNotRun !== null) return none(whyNotRun);
  if (read.kind === "unread") return none(`Its revisions are not looked at before it is run: ${read.why}.`);
  const heads = current?.migrations[name]?.heads ?? null;
  const isBroken = headsOf(read.scripts).length > 1 || lacking(read.scripts, heads ?? []).unknown.length > 0;
  if (isBroken) return none("What is found above is in the way: nobody knows which revisions would be applied.");
  if (heads !== null && lacking(read.scripts, heads).pending.length === 0)
    return { kind: "rendered", heads, revisions: [] };
  const { lock, request } = image;
  if (lock === null) {
    const fix = `Name the lock file of image ${migration.image}: \`requirements\`.`;
    return none(`Which alembic image ${migration.image} has is not known: its packages come with its base.`, fix);
  }
  if (image.sources.size > largestTree)
    return none(`Its image copies ${image.sources.size} bytes, too many to lay out.`);
  context.report({ kind: "stage", title: `SQL of migration ${name}` });
  const asked = { name, workdir: migration.workdir ?? request.workdir, folders: read.folders, heads };
  try {
    return await inScratch(scratch, (folder) => render(context, image, lock, folder, asked));
  } catch (error) {
    if (error instanceof UserError) return none(`What renders it cannot be had here. ${error.what}`, error.fix);
    throw error;
  }
}

/** Lays the image's files out, and installs what they import until nothing is missing that the lock file has. @throws UserError, Cancelled */
async function render(
  context: Context,
  { sources, request }: LayersObservation,
  lock: Lock,
  folder: string,
  asked: Pick<SqlRequest, "name" | "workdir" | "folders" | "heads">,
): Promise<SqlPreview> {
  const tree = join(folder, "image");
  const { executable, platform, version } = await findPython(folder);
  await mkdir(tree);
  await layOut(sources.entries, tree);
  const shelf = openShelf(context, {
    image: `migration ${asked.name}`,
    lock,
    file: request.requirements ?? "requirements",
    root: request.root,
    target: { platform, python: version },
    libc: null,
    folder: join(folder, "packages"),
  });
  await shelf.add(firstPackages);
  for (let round = 0; ; round += 1) {
    const scratch = join(folder, String(round));
    await mkdir(scratch);
    const { folders: packages } = shelf;
    const { preview, missing } = await renderSql(context, { ...asked, python: executable, packages, tree, scratch });
    if (round === mostRounds || !(await shelf.add(missing.flatMap(packagesOf)))) return preview;
  }
}

/** Of an image's own files, in bytes: they are copied once more. */
const largestTree = 256 * 1024 * 1024;
/** Each installs what was missing in the one before. */
const mostRounds = 8;

/** Alembic, and what every version of it needs: so pip is started once. What else it needs, it says itself. */
const firstPackages = ["alembic", "mako", "markupsafe", "sqlalchemy", "typing-extensions"];

/** Packages that a module may be of. Most are called as it is; the others are those that migrations import now and then. */
function packagesOf(module: string): readonly string[] {
  const [top = module] = module.split(".");
  return [top, ...(otherNames[top] ?? [])];
}

const otherNames: Readonly<Record<string, readonly string[]>> = {
  MySQLdb: ["mysqlclient"],
  attr: ["attrs"],
  dateutil: ["python-dateutil"],
  dotenv: ["python-dotenv"],
  pkg_resources: ["setuptools"],
  psycopg2: ["psycopg2-binary"],
  yaml: ["pyyaml"],
};

function none(why: string, fix: string | null = null): SqlPreview {
  return { kind: "not-rendered", why: { why, quoted: null, fix } };
}
