import { readFileSync } from "node:fs";
import { type Contract, contractSchema } from "../../../src/domain/contract.ts";
import { parseStackFile, regionOf, resolveStack, type Stack } from "../../../src/stack/index.ts";
import { type Problem, StackFileError } from "../../../src/stack/problems.ts";

/** Text of one of the four systems' stack files. */
export function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/stacks/${name}.yml`, import.meta.url), "utf8");
}

/** What an infrastructure would write for a stack with one code location. */
export function contract(more: object = {}): Contract {
  return contractSchema.parse({
    cluster: "main",
    network: { subnets: ["subnet-1a", "subnet-1b"], "security-groups": ["sg-1"] },
    bucket: { name: "stack-bucket", prefix: "dagster/" },
    ...more,
  });
}

export interface Asked {
  readonly environment?: string;
  readonly contract?: Contract | null;
  readonly account?: string;
  readonly region?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** The stack that a text describes. */
export function stackOf(text: string, asked: Asked = {}): Stack {
  const file = parseStackFile(text, "dagster-stack.yml");
  const environment = asked.environment ?? "production";
  const region = asked.region ?? (file.environments.includes(environment) ? regionOf(file, environment) : "");
  return resolveStack(file, { contract: null, account: "123456789012", variables: {}, ...asked, environment, region });
}

/** The mistakes that reading or resolving a text finds; none when it finds none. */
export function mistakesIn(act: () => unknown): readonly Problem[] {
  try {
    act();
    return [];
  } catch (error) {
    if (error instanceof StackFileError) return error.problems;
    throw error;
  }
}

/** A place as editors read it, without the file. */
export function at({ where }: Pick<Problem, "where">): string {
  return `${where.line}:${where.column}`;
}

/** The smallest stack: what is given stands below its first lines. */
export function withTop(text: string): string {
  return `name: shop\nregion: eu-west-1\ncontract: ssm:/dagster/shop/contract\n${text}`;
}
