import { shapeOf, type Reference, type ServiceModel } from "../models/model.ts";

/** `Filter.1.Name=x` as a tree: { Filter: { 1: { Name: "x" } } } */
type Tree = Map<string, Tree | string>;

/**
 * Reads the form of a query request (protocols `query` and `ec2`) as the members of its input. Fields that the model does not
 * have stay under their own name, so that they can be refused.
 */
export function fromForm(model: ServiceModel, reference: Reference, form: URLSearchParams): unknown {
  const root: Tree = new Map();
  for (const [field, value] of form) {
    if (field !== "Action" && field !== "Version") plant(root, field.split("."), value);
  }
  return read(model, reference, root);
}

function plant(tree: Tree, [head = "", ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    tree.set(head, value);
    return;
  }
  const below = tree.get(head);
  const branch: Tree = below instanceof Map ? below : new Map();
  tree.set(head, branch);
  plant(branch, rest, value);
}

function read(model: ServiceModel, reference: Reference, tree: Tree | string): unknown {
  const shape = shapeOf(model, reference);
  if (typeof tree === "string") {
    if (shape.type === "boolean") return tree === "true" ? true : tree === "false" ? false : tree;
    if (shape.type === "timestamp") return new Date(tree);
    return shape.type === "string" || tree === "" ? tree : Number(tree);
  }
  if (shape.type === "list") {
    const inner = tree.get(shape.member.locationName ?? "member");
    const elements =
      model.metadata.protocol === "ec2" || shape.flattened === true || !(inner instanceof Map) ? tree : inner;
    return [...elements]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([, element]) => read(model, shape.member, element));
  }
  if (shape.type !== "structure") return Object.fromEntries(tree);
  const members = Object.entries(shape.members);
  return Object.fromEntries(
    [...tree].map(([field, below]) => {
      const [name, member] = members.find(([own, at]) => fieldOf(model, own, at) === field) ?? [];
      return name === undefined || member === undefined ? [field, below] : [name, read(model, member, below)];
    }),
  );
}

/** What a member is called in the form. Protocol `ec2` begins it with a capital. */
function fieldOf(model: ServiceModel, name: string, { locationName, queryName }: Reference): string {
  if (model.metadata.protocol !== "ec2") return locationName ?? name;
  const field = queryName ?? locationName ?? name;
  return field.charAt(0).toUpperCase() + field.slice(1);
}
