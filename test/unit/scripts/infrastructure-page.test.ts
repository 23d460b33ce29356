import { diagram } from "../../../scripts/generate/infrastructure.ts";

const main = `
locals {
  names = toset([for one in module.service.services : one.name])
  other = 1
}

module "service" {
  source  = "../../modules/service"
  cluster = module.cluster.name
}

module "cluster" {
  source = "../../modules/cluster"
}

module "deploy_role" {
  source   = "../../modules/deploy-role"
  services = local.names
  count    = local.other
}
`;

test("an arrow leads from a module to the one that is given something of it, by a local value, too", () => {
  expect(diagram(main)).toEqual([
    "```mermaid",
    "flowchart LR",
    '  service["service"]',
    '  cluster["cluster"]',
    '  deploy_role["deploy-role"]',
    "  cluster --> service",
    "  service --> deploy_role",
    "```",
  ]);
});
