import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";
import type { Observation } from "./observation.ts";

/** A code server whose module is not in its image ends as soon as it starts. */
export function checkModules(
  { services }: Pick<Stack, "services">,
  { missingModules }: Pick<Observation, "missingModules">,
): readonly Finding[] {
  return Object.entries(missingModules).flatMap(([key, { module, near }]): readonly Finding[] => {
    const service = services[key];
    if (service === undefined) return [];
    return [
      {
        id: "module-missing",
        level: "warning",
        where: service.place,
        what: `Image ${service.image} gets no module ${module} from the checkout: services.${key} would not start.`,
        fix:
          near === null
            ? `Check \`module\` of services.${key}, and the \`files\` of its image.`
            : `Did you mean \`module: ${near}\`?`,
      },
    ];
  });
}
