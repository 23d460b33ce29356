import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";

/** nginx in front of a webserver needs an image. */
export function checkNginx({ services, images }: Pick<Stack, "services" | "images">): readonly Finding[] {
  return Object.values(services).flatMap((service): readonly Finding[] => {
    const auth = service.kind === "webserver" ? service.auth : null;
    if (auth === null || images[auth.image] !== undefined) return [];
    return [
      {
        id: "auth-image",
        level: "error",
        where: auth.place,
        what: `${service.key} is to have nginx in front of it, and \`images\` has no ${auth.image}: there is nothing that asks for the password.`,
        fix: `Copy docker/nginx of this suite into the repository, and add \`${auth.image}: { repository: <name>/nginx, build: { context: docker/nginx, dockerfile: docker/nginx/Dockerfile } }\` to \`images\`.`,
      },
    ];
  });
}
