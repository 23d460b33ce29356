import type { Finding } from "../domain/finding.ts";
import { nearest } from "../stack/nearest.ts";
import { showPath } from "../stack/tree.ts";
import { type ExistingDefinition, placeIn } from "./existing.ts";

/** What is said of members of a definition that AWS's service model does not know, or knows with another type. */
export function memberFindings(one: ExistingDefinition): readonly Finding[] {
  const unknown = one.unknown.map(({ path, name, known }): Finding => {
    const near = nearest(name, known);
    return {
      id: "definition-member-unknown",
      level: "notice",
      where: placeIn(one, path),
      what: `${one.source} has a member that this version does not know: ${showPath(path)}. It is registered as it stands.`,
      fix:
        near === null
          ? "Nothing to do, when AWS knows it."
          : `Did you mean \`${near}\`? Otherwise nothing is to be done.`,
    };
  });
  const mistyped = one.mistyped.map(({ path, wanted }): Finding => {
    return {
      id: "definition-member-type",
      level: "error",
      where: placeIn(one, path),
      what: `${one.source}: ${showPath(path)} must be ${wanted}. ECS converts nothing, and would refuse the definition when it is registered.`,
      fix: `Write it as ${wanted}.`,
    };
  });
  return [...unknown, ...mistyped];
}
