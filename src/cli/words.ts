import { isOption, options } from "./options.ts";

/**
 * Says in the words of the command line what was written for inputs of an action: they bear the same names.
 * @param verbs names of the commands
 */
export function inOptions(text: string, verbs: readonly string[]): string {
  return text
    .replaceAll(/`command: ([a-z]+)`/g, (whole, name: string) =>
      verbs.includes(name) ? `\`dagster-ecs ${name}\`` : whole,
    )
    .replaceAll(/(?:\binput )?`([a-z-]+): ([^`]+)`/g, (whole, name: string, value: string) =>
      isOption(name) ? `\`${given(name, value)}\`` : whole,
    )
    .replaceAll(/\b([Ii])nputs? `?([a-z-]+)\b`?/g, (whole, _letter: string, name: string) =>
      isOption(name) ? `\`--${name}\`` : name === "to" || name === "from" ? `<${name}>` : whole,
    )
    .replaceAll(/`([a-z]+(?:-[a-z]+)+)`/g, (whole, name: string) => (isOption(name) ? `\`--${name}\`` : whole));
}

function given(name: keyof typeof options, value: string): string {
  if (options[name].takes !== null) return `--${name}=${value}`;
  return value === "true" ? `--${name}` : `--no-${name}`;
}
