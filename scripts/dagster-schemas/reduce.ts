import {
  buildSchema,
  type DocumentNode,
  getNamedType,
  isTypeDefinitionNode,
  Kind,
  parse,
  print,
  specifiedScalarTypes,
  type TypeDefinitionNode,
  TypeInfo,
  type TypeNode,
  visit,
  visitWithTypeInfo,
} from "graphql";

type Definitions = ReadonlyMap<string, TypeDefinitionNode>;

/**
 * A schema without what no document touches: types that are not asked for, fields that lead to such a type, descriptions. What is
 * left refuses of these documents whatever the whole schema refuses.
 * @param more names of types that are kept too, where the schema has them
 */
export function reduced(sdl: string, documents: readonly string[], more: readonly string[]): string {
  const definitions: Definitions = new Map(
    parse(sdl, { noLocation: true })
      .definitions.filter((definition) => isTypeDefinitionNode(definition))
      .map((definition) => [definition.name.value, definition] as const),
  );
  const asked = new Set([...typesOf(sdl, documents), ...more].filter((name) => definitions.has(name)));
  const kept = withWhatBelongs(definitions, asked);
  const left = [...definitions.values()].filter(({ name }) => kept.has(name.value));
  return `${left.map((definition) => print(cutDown(definition, kept))).join("\n\n")}\n`;
}

/** Types that the documents name, those of the fields that they ask for, and those that have these fields. */
function typesOf(sdl: string, documents: readonly string[]): readonly string[] {
  const info = new TypeInfo(buildSchema(sdl));
  const found: (string | undefined)[] = ["Query", "Mutation"];
  const reader = visitWithTypeInfo(info, {
    Field: () => void found.push(info.getParentType()?.name, getNamedType(info.getType())?.name),
    NamedType: ({ name }) => void found.push(name.value),
  });
  for (const text of documents) visit<DocumentNode>(parse(text), reader);
  return found.filter((name) => name !== undefined);
}

/** Until nothing more belongs to what is kept. */
function withWhatBelongs(definitions: Definitions, asked: ReadonlySet<string>): ReadonlySet<string> {
  const kept = new Set(asked);
  for (let size = 0; size !== kept.size; ) {
    size = kept.size;
    const needed = [...kept].flatMap((name) => neededBy(name, definitions, kept, asked));
    for (const name of needed) kept.add(name);
  }
  return kept;
}

function neededBy(
  name: string,
  definitions: Definitions,
  kept: ReadonlySet<string>,
  asked: ReadonlySet<string>,
): readonly string[] {
  const definition = definitions.get(name);
  switch (definition?.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION: {
      const fields = (definition.fields ?? []).filter(
        ({ type }) => isLeaf(nameIn(type), definitions) || kept.has(nameIn(type)),
      );
      return [
        ...interfacesOf(name, definitions),
        ...fields.flatMap(({ type, arguments: all = [] }) => [nameIn(type), ...all.map((one) => nameIn(one.type))]),
      ].filter((other) => definitions.has(other));
    }
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      return (definition.fields ?? []).map(({ type }) => nameIn(type)).filter((other) => definitions.has(other));
    case Kind.UNION_TYPE_DEFINITION: {
      // A fragment on an interface is possible while some member of the union has it.
      const members = (definition.types ?? []).map((type) => type.name.value);
      return [...asked].flatMap((one) => {
        const both = members.filter((member) => interfacesOf(member, definitions).includes(one));
        return both.length === 0 || both.some((member) => kept.has(member)) ? [] : both.slice(0, 1);
      });
    }
    default:
      return [];
  }
}

function cutDown(definition: TypeDefinitionNode, kept: ReadonlySet<string>): TypeDefinitionNode {
  const isKept = ({ type }: { readonly type: TypeNode }): boolean => {
    const name = nameIn(type);
    return kept.has(name) || specifiedScalarTypes.some((scalar) => scalar.name === name);
  };
  return visit(definition, {
    enter: (node) => {
      if (node.kind === Kind.FIELD_DEFINITION && !isKept(node)) return null;
      if (node.kind === Kind.NAMED_TYPE && !isKept({ type: node })) return null; // a member of a union
      return "description" in node ? { ...node, description: undefined } : undefined;
    },
  });
}

function interfacesOf(name: string, definitions: Definitions): readonly string[] {
  const definition = definitions.get(name);
  return definition !== undefined && "interfaces" in definition
    ? (definition.interfaces ?? []).map((one) => one.name.value)
    : [];
}

function isLeaf(name: string, definitions: Definitions): boolean {
  const kind = definitions.get(name)?.kind;
  return kind === undefined || kind === Kind.SCALAR_TYPE_DEFINITION || kind === Kind.ENUM_TYPE_DEFINITION;
}

/** `[String!]!` is of `String`. */
function nameIn(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameIn(type.type);
}
