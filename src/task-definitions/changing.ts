import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import type { Fault, Purpose } from "./judge.ts";
import { listOf, nameOf } from "./parts.ts";

/** A value in a definition that somebody has written. */
interface Written {
  readonly path: Fault["path"];
  /** For people. */
  readonly what: string;
  /** Of the variable or the label; null: it has none. */
  readonly name: string | null;
  /** All texts of it. */
  readonly texts: readonly string[];
}

/**
 * Values that are others with each commit, or with each run of a workflow: each makes another definition, and restarts a service of which
 * nothing else has changed. The commit is known; the rest is known by having changed since the definition before, from one value that only
 * a program writes to another: a run's number, a time, a hash.
 */
export function changingValues(
  content: JsonMap,
  { commit, before }: Pick<Purpose, "commit" | "before">,
): readonly Fault[] {
  const former = new Map((before === null ? [] : valuesOf(before)).map(({ what, texts }) => [what, texts]));
  return valuesOf(content).flatMap(({ path, what, name, texts }): readonly Fault[] => {
    if (texts.some((text) => holds(text, commit))) {
      return [
        {
          id: "commit-in-definition",
          level: "warning",
          path,
          what: `${what} holds the commit: each commit makes another definition, and restarts what runs it although nothing else changed.`,
          fix: "Remove it: the image tells its commit by a tag, and the definition by the tag dagster-ecs:commit.",
        },
      ];
    }
    const [[now], [then]] = [texts, former.get(what) ?? []];
    if (name === null || now === undefined || then === undefined || !isMadeAnew(name, then, now)) return [];
    return [
      {
        id: "commit-in-definition",
        level: "warning",
        path,
        what: `${what} has another number, time or hash than in the definition before: if it has with each release, each restarts what runs it although nothing else changed.`,
        fix: "Remove it, or keep it the same: the definition tells its release and its commit by the tags dagster-ecs:release and dagster-ecs:commit.",
      },
    ];
  });
}

function valuesOf(content: JsonMap): readonly Written[] {
  const containers = listOf(content["containerDefinitions"]);
  return [
    { path: ["family"], what: "`family`", name: null, texts: textsOf([content["family"]]) },
    ...containers.flatMap((container, at): readonly Written[] => {
      if (!isMap(container)) return [];
      const [path, named, labels] = [
        ["containerDefinitions", at],
        nameOf(container),
        container["dockerLabels"] ?? null,
      ];
      return [
        ...listOf(container["environment"]).flatMap((entry, index): readonly Written[] => {
          if (!isMap(entry) || ours.has(nameOf(entry))) return [];
          const name = nameOf(entry);
          const what = `Variable ${name} of container ${named}`;
          return [{ path: [...path, "environment", index], what, name, texts: textsOf([entry["value"]]) }];
        }),
        ...Object.entries(isMap(labels) ? labels : {})
          .filter(([name]) => !name.startsWith("dagster-ecs."))
          .map(([name, value]) => {
            const what = `Docker label ${name} of container ${named}`;
            return { path: [...path, "dockerLabels", name], what, name, texts: textsOf([value]) };
          }),
        ...["command", "entryPoint"].map((member) => {
          const what = `\`${member}\` of container ${named}`;
          return { path: [...path, member], what, name: null, texts: textsOf(listOf(container[member])) };
        }),
      ];
    }),
  ];
}

const ours = new Set(["DAGSTER_CURRENT_IMAGE", "DAGSTER_CONTAINER_CONTEXT"]);

function textsOf(values: readonly (Json | undefined)[]): readonly string[] {
  return values.filter((value) => typeof value === "string");
}

/** Does a text hold a commit, whole or by its first seven digits or more? */
function holds(text: string, commit: string): boolean {
  const short = commit.slice(0, 7);
  if (!new RegExp(`(?<![0-9a-f])${short}[0-9a-f]{0,33}(?![0-9a-f])`).test(text)) return false;
  return (text.match(/[0-9a-f]{7,40}/g) ?? []).some((found) => commit.startsWith(found));
}

/** Has a program written another value of the same form? Numbers, dates and short hashes only where the name says of what: people change these. */
function isMadeAnew(name: string, before: string, now: string): boolean {
  if (before === now) return false;
  return forms.some(({ form, names }) => form.test(before) && form.test(now) && (names === null || names.test(name)));
}

/** What programs write anew each time, and names of variables that hold it; null: nobody else writes such a value. */
const forms: readonly { readonly form: RegExp; readonly names: RegExp | null }[] = [
  { form: /^[0-9a-f]{40}$/, names: null },
  { form: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, names: null },
  { form: /^\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d/, names: null },
  { form: /^\d{4}-?\d\d-?\d\d$/, names: /build|built|commit|deploy|release/i },
  { form: /^(?=.*\d)[0-9a-f]{7,39}$/, names: /build|commit|(^|[_.-])(git|rev|revision|sha)([_.-]|$)/i },
  { form: /^\d+$/, names: /(build|deploy|deployment|job|pipeline|run)[_.-]?(at|id|no|num|number|time|timestamp)$/i },
];
