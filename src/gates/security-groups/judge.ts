/** A rule of a security group, for one direction. */
export interface Rule {
  /** `tcp`, a number, or `-1` for all of them. */
  readonly protocol: string;
  /** null: every port. */
  readonly ports: { readonly from: number; readonly to: number } | null;
  readonly cidrs: readonly string[];
  readonly groups: readonly string[];
  /** Lists of addresses that AWS or somebody else keeps. */
  readonly prefixLists: readonly string[];
}

/** What a security group lets in and out, by its id. */
export type Groups = Readonly<Record<string, { readonly ingress: readonly Rule[]; readonly egress: readonly Rule[] }>>;

/** One end of a way through the network. */
export interface End {
  /** For people: `webserver`, `load balancer shop`. */
  readonly name: string;
  /** Security groups; none: nobody knows them. */
  readonly groups: readonly string[];
  /** Where its addresses are; none: nobody knows. */
  readonly cidrs: readonly string[];
}

/** Somebody who must reach somebody else. */
export interface Way {
  readonly from: End;
  readonly to: End;
  readonly port: number;
}

/** What security groups say of a way, for people where it is not open. */
export type WayAnswer =
  | { readonly kind: "open" }
  | { readonly kind: "closed" | "unknown"; readonly why: string; readonly fix: string };

/**
 * Do security groups let a connection pass? One that leaves must be let out by a group of the one end, and let in by a group of the
 * other; answers pass by themselves.
 * Source: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
 */
export function judgeWay(groups: Groups, way: Way): WayAnswer {
  const { from, to } = way;
  const out = sideOf(groups, from, "egress", to, way.port);
  if (out !== null) return out;
  return sideOf(groups, to, "ingress", from, way.port) ?? { kind: "open" };
}

/** @returns null: it passes */
function sideOf(
  groups: Groups,
  { name, groups: own }: End,
  direction: "ingress" | "egress",
  other: End,
  port: number,
): Exclude<WayAnswer, { kind: "open" }> | null {
  const way = direction === "egress" ? `${name} to ${other.name}` : `${other.name} to ${name}`;
  if (own.length === 0) {
    const why = `whether ${way} on port ${port} is open, nobody can tell: the security groups of ${name} are not known`;
    return { kind: "unknown", why, fix: knowing };
  }
  const rules = own.flatMap((id) => groups[id]?.[direction] ?? []).filter((rule) => isFor(rule, port));
  if (rules.some((rule) => names(rule, other))) return null;
  const gone = own.filter((id) => groups[id] === undefined);
  if (gone.length > 0) {
    const why = `whether ${way} on port ${port} is open, nobody can tell: EC2 has no ${gone.join(" and ")} of ${name}`;
    const fix = `Name a security group that exists in the place of ${gone.join(" and ")}.`;
    return { kind: "unknown", why, fix };
  }
  const verb = direction === "egress" ? `let out to ${other.name}` : `let in ${other.name}`;
  const mayBe = rules.some(
    ({ prefixLists, groups: named, cidrs }) =>
      prefixLists.length > 0 ||
      (other.groups.length === 0 && named.length > 0) ||
      (other.cidrs.length === 0 && cidrs.length > 0),
  );
  if (mayBe) {
    const why = `whether ${own.join(" and ")} of ${name} ${verb} on port ${port}, its rules do not say alone: they name a prefix list, or groups or addresses that are not known`;
    return { kind: "unknown", why, fix: knowing };
  }
  return {
    kind: "closed",
    why: `${own.join(" and ")} of ${name} ${own.length === 1 ? `does not ${verb}` : `do not ${verb}`} on TCP port ${port}`,
    fix: `Add ${direction === "egress" ? "an outbound" : "an inbound"} rule to ${own[0]}: TCP ${port}, ${direction === "egress" ? "to" : "from"} ${other.groups[0] ?? other.cidrs[0] ?? other.name}.`,
  };
}

const knowing = "Look at it yourself; of a database the contract may name its `security-groups`.";

/** Rules that let everybody in, wherever they are: nobody but load balancers has to. ICMP opens no port: its numbers are types. */
export function openToAll(groups: Groups, { name, groups: own }: End): readonly string[] {
  return own.flatMap((id) =>
    (groups[id]?.ingress ?? []).flatMap(({ protocol, cidrs, ports }) =>
      icmp.has(protocol)
        ? []
        : cidrs
            .filter((cidr) => everybody.has(cidr))
            .map((cidr) => `${id} of ${name} lets in ${cidr} on ${ports === null ? "every port" : portsOf(ports)}`),
    ),
  );
}

/** Is a port open to everybody, by one of these groups? @param ids of the security groups of one end */
export function letsEverybodyIn(groups: Groups, ids: readonly string[], port: number): boolean {
  return ids.some((id) =>
    (groups[id]?.ingress ?? []).some((rule) => isFor(rule, port) && rule.cidrs.some((cidr) => everybody.has(cidr))),
  );
}

const icmp: ReadonlySet<string> = new Set(["icmp", "1", "icmpv6", "58"]);

const everybody: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);

function portsOf({ from, to }: NonNullable<Rule["ports"]>): string {
  return from === to ? `port ${from}` : `ports ${from} to ${to}`;
}

function isFor({ protocol, ports }: Rule, port: number): boolean {
  if (protocol === "-1") return true;
  return ["tcp", "6"].includes(protocol) && (ports === null || (ports.from <= port && port <= ports.to));
}

function names({ groups, cidrs }: Rule, { groups: its, cidrs: where }: End): boolean {
  if (its.some((id) => groups.includes(id)) || cidrs.includes("0.0.0.0/0")) return true;
  return where.length > 0 && where.every((cidr) => cidrs.some((wide) => holds(wide, cidr)));
}

/** Does one block of IPv4 addresses hold all of another? */
function holds(wide: string, narrow: string): boolean {
  const [outer, inner] = [blockOf(wide), blockOf(narrow)];
  if (outer === null || inner === null) return false;
  const start = ({ address }: { readonly address: number }): number => Math.floor(address / 2 ** (32 - outer.bits));
  return outer.bits <= inner.bits && start(outer) === start(inner);
}

/** @returns null for IPv6 */
function blockOf(cidr: string): { readonly address: number; readonly bits: number } | null {
  const [, a, b, c, d, bits = "32"] = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(cidr) ?? [];
  if (a === undefined) return null;
  const address = [a, b, c, d].reduce((sum, part) => sum * 256 + Number(part), 0);
  return { address, bits: Number(bits) };
}
