import type { Generated } from "../generate.ts";
import { modelOf, type Reference, shapeOf } from "../../test/local-aws/models/model.ts";

/** Members that AWS's service model knows of a task definition, so that one that it does not know can be said. */
export function definitionMembers(): Generated {
  const model = modelOf("ecs");
  const operation = model.operations["RegisterTaskDefinition"];
  if (operation?.input === undefined) throw new Error("the model of ecs lacks RegisterTaskDefinition");
  const found = new Map<string, Readonly<Record<string, string>>>();
  /** `string`, or the name of a structure; `[]` before it for a list, `{}` for a map. */
  const visit = (reference: Reference): string => {
    const shape = shapeOf(model, reference);
    if (shape.type === "list") return `[]${visit(shape.member)}`;
    if (shape.type === "map") return `{}${visit(shape.value)}`;
    if (shape.type !== "structure") return shape.type;
    const name = reference.shape;
    if (found.has(name)) return name;
    found.set(name, {}); // a structure may hold itself
    found.set(name, Object.fromEntries(Object.entries(shape.members).map(([key, member]) => [key, visit(member)])));
    return name;
  };
  const top = visit(operation.input);
  const lines = [...found].map(([name, members]) => {
    const entries = Object.entries(members).map(([key, structure]) => `${key}: ${JSON.stringify(structure)}`);
    return `  ${name === top ? '""' : name}: { ${entries.join(", ")} },`;
  });
  const text = [
    "// Made by `npm run generate` of AWS's service model (test/local-aws/models/ecs.json).",
    "",
    '/** What each structure of a task definition has: a member, and its type, or the structure that it is made of; `[]` before it for a list, `{}` for a map. The definition itself is `""`. */',
    "// biome-ignore format: one line for each structure",
    "export const definitionMembers: Readonly<Record<string, Readonly<Record<string, string>>>> = {",
    ...lines.sort(),
    "};",
    "",
  ];
  return { path: "src/task-definitions/members.ts", text: text.join("\n") };
}
