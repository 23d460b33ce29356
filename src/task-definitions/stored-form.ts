import { canonicalJson, isMap, type Json, type JsonMap } from "../domain/json.ts";
import { readOnlyMembers } from "./read-only.ts";

/**
 * A task definition in the one form that all ways of writing it share: what AWS adds is gone, and so is what says the same when it
 * is left out; lists whose order means nothing are maps. Two definitions that are equal in it run alike.
 * Source: defaults of the API reference (RegisterTaskDefinition and its types), and what DescribeTaskDefinition gives back.
 */
export function storedForm(content: Json): JsonMap {
  const form = formOf(content, "");
  return isMap(form) ? form : {};
}

/** Lists whose members are told apart by a member of theirs, and whose order means nothing. */
const keys: Readonly<Record<string, readonly string[]>> = {
  containerDefinitions: ["name"],
  environment: ["name"],
  secrets: ["name"],
  secretOptions: ["name"],
  volumes: ["name"],
  portMappings: ["containerPort", "containerPortRange", "protocol"],
  mountPoints: ["containerPath"],
  ulimits: ["name"],
  systemControls: ["namespace"],
  extraHosts: ["hostname", "ipAddress"],
  dependsOn: ["containerName"],
  resourceRequirements: ["type"],
};

/** Lists of words whose order means nothing. */
const sets = new Set(["requiresCompatibilities"]);

/** What AWS takes a member for that is not there, by what it is a member of; the definition itself is `""`. */
const defaults: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  "": { enableFaultInjection: false, tags: [] },
  containerDefinitions: {
    cpu: 0,
    essential: true,
    privileged: false,
    readonlyRootFilesystem: false,
    interactive: false,
    pseudoTerminal: false,
    disableNetworking: false,
    versionConsistency: "enabled",
  },
  portMappings: { protocol: "tcp" },
  mountPoints: { readOnly: false },
  volumesFrom: { readOnly: false },
  healthCheck: { interval: 30, timeout: 5, retries: 3 },
  linuxParameters: { initProcessEnabled: false },
  runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
  efsVolumeConfiguration: { rootDirectory: "/", transitEncryption: "DISABLED" },
  authorizationConfig: { iam: "DISABLED" },
};

/** Maps whose keys are the user's own words: nothing in them is a member that we know. */
const free = new Set(["dockerLabels", "options", "driverOpts", "labels"]);

/** @param name of the member that this is the value of, or an element of */
function formOf(value: Json, name: string): Json {
  if (Array.isArray(value)) return listForm(value as readonly Json[], name);
  if (!isMap(value)) return value;
  if (free.has(name)) return value;
  const known = defaults[name] ?? {};
  const members = Object.entries(value)
    .filter(([key]) => !(name === "" && (readOnlyMembers.has(key) || key === "tags")))
    .map(([key, member]) => [renamed(name, key), sized(name, key, formOf(member, key))] as const)
    .filter(([key, member]) => !isNothing(member) && known[key] !== member)
    // With awsvpc the host's port is the container's; with bridge 0 stands for any.
    .filter(([key, member]) => !(name === "portMappings" && key === "hostPort" && isSame(member, value)));
  return Object.fromEntries(members);
}

function isSame(hostPort: Json, { containerPort }: JsonMap): boolean {
  return hostPort === 0 || hostPort === containerPort;
}

function listForm(members: readonly Json[], name: string): Json {
  if (sets.has(name)) return [...members].sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
  const labels = keys[name];
  const forms = members.map((member) => formOf(member, name));
  if (labels === undefined || !forms.every(isMap)) return forms;
  const named = members.map((member, index) => {
    const label = labels
      .map((label) => (isMap(member) ? member[label] : undefined))
      .filter((part) => part !== undefined && part !== null && part !== "tcp")
      .map((part) => (typeof part === "string" ? part : canonicalJson(part)))
      .join("/");
    const rest = Object.entries(forms[index] ?? {}).filter(([key]) => !labels.includes(key));
    return [label, valueOnly(name, Object.fromEntries(rest) as JsonMap)] as const;
  });
  // Two of one name are a mistake that must stay to be seen.
  return new Set(named.map(([label]) => label)).size < named.length ? forms : Object.fromEntries(named);
}

/** Of a variable that has nothing but its value, the value. */
function valueOnly(name: string, rest: JsonMap): Json {
  const [only, ...others] = Object.entries(rest);
  const isValue = only?.[0] === "value" || only?.[0] === "valueFrom";
  const isVariable = name === "environment" || name === "secrets" || name === "secretOptions";
  return isVariable && isValue && others.length === 0 ? only[1] : rest;
}

function renamed(of: string, key: string): string {
  return of === "" && key === "containerDefinitions" ? "containers" : key;
}

/** `1 vCPU` and `2 GB` are stored as `1024` and `2048`. Source: task_definition_parameters in the developer guide, "Task size". */
function sized(of: string, key: string, value: Json): Json {
  const isAmount = typeof value === "string" || typeof value === "number";
  if (of !== "" || (key !== "cpu" && key !== "memory") || !isAmount) return value;
  const [, amount, unit] = /^(\d*\.?\d+)\s*(vcpu|gb)?$/i.exec(String(value).trim()) ?? [];
  if (amount === undefined) return value;
  return String(unit === undefined ? Number(amount) : Number(amount) * 1024);
}

function isNothing(value: Json): boolean {
  return (
    value === null || (Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0)
  );
}
