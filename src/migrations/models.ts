import * as z from "zod";
import type { Place } from "../domain/errors.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";

/** How the models that env.py gives to alembic compare with the schema at head. */
export type Models =
  | { readonly kind: "equal" }
  /** As alembic names the operations that would make them equal: `add_column deals score`. The first of `count`. */
  | { readonly kind: "differ"; readonly count: number; readonly differences: readonly Untrusted[] }
  | { readonly kind: "not-compared"; readonly why: Untrusted };

/** What the task tells of them in one line of its report. */
export const modelsReport = z.object({
  models: z.union([
    z.object({ why: z.string() }),
    z.object({ count: z.int().nonnegative(), differ: z.array(z.string()).max(20) }),
  ]),
});

/** @param said null: the task has said nothing of them, or its log cannot be read */
export function readModels(said: z.output<typeof modelsReport> | null): Models {
  if (said === null) return { kind: "not-compared", why: untrusted("its task has said nothing of them") };
  const { models } = said;
  if ("why" in models) return { kind: "not-compared", why: untrusted(models.why) };
  if (models.count === 0) return { kind: "equal" };
  return { kind: "differ", count: models.count, differences: models.differ.map(untrusted) };
}

/** `; the models are as the schema`: goes on from what is said of the schema. */
export function modelsWords(models: Models | null): string {
  switch (models?.kind) {
    case undefined:
      return "";
    case "equal":
      return "; the models are as the schema";
    case "differ":
      return `; the models differ from it in ${models.count === 1 ? "1 point" : `${models.count} points`}`;
    case "not-compared":
      return "; the models were not compared with it";
  }
}

const autogenerate = "https://alembic.sqlalchemy.org/en/latest/autogenerate.html";

/**
 * What is to be said of them, the schema being at head already.
 * @param where the migration, in the stack file
 */
export function modelFindings(name: string, where: Place, models: Models | null): readonly Finding[] {
  if (models === null || models.kind === "equal") return [];
  if (models.kind === "not-compared") {
    return [
      {
        id: "models-not-compared",
        level: "warning",
        where,
        what: `The models of migration ${name} were not compared with the schema, which is at head: ${models.why.untrusted}.`,
        fix: "It needs alembic 1.9 or newer in the image, and an env.py that gives `target_metadata` to `context.configure`. Or remove `check-models`.",
        source: autogenerate,
      },
    ];
  }
  const { count, differences } = models;
  const more = count - differences.length;
  const listed = differences.map(({ untrusted: text }) => text).join("; ");
  return [
    {
      id: "models-differ",
      level: "warning",
      where,
      what: `The models of migration ${name} are not what its revisions make of the schema, which is at head, and stays. To be equal it would need: ${listed}${more > 0 ? `; and ${more} more` : ""}.`,
      fix: "Write the missing revision (`alembic revision --autogenerate`), and read it before it is released; or mend the models. What is not alembic's to manage, env.py leaves out with `include_name` or `include_object`.",
      source: autogenerate,
    },
  ];
}
