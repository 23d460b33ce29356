// Made by `npm run generate` of infra/modules/cost/prices.json, which names the sources.
import type { PriceTable } from "./prices.ts";

/** List prices of AWS in USD, by the hour where nothing else is said. */
// biome-ignore format: as it is made
export const priceTable: PriceTable = {"date":"2026-11-21","currency":"USD","hours-a-month":730,"everywhere":{"public-address":0.005,"secret-month":0.4,"namespace-month":0.5},"regions":{"us-east-1":{"ARM64":{"vcpu":0.03238,"gb":0.00356},"X86_64":{"vcpu":0.04048,"gb":0.004445},"load-balancer":0.0225,"nat-gateway":0.045,"database":{"db.t4g.micro":0.016,"db.t4g.small":0.032,"db.t4g.medium":0.065,"db.t3.micro":0.018},"database-gb-month":0.115},"eu-west-1":{"ARM64":{"vcpu":0.03238,"gb":0.00356},"X86_64":{"vcpu":0.04048,"gb":0.004445},"load-balancer":0.0252,"nat-gateway":0.048},"eu-central-1":{"X86_64":{"vcpu":0.04656,"gb":0.00511},"load-balancer":0.027},"ap-southeast-2":{"ARM64":{"vcpu":0.03885,"gb":0.00426},"X86_64":{"vcpu":0.04856,"gb":0.00532},"nat-gateway":0.059}}};
