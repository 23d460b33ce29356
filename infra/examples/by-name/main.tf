# Everything exists: VPC, subnets, cluster, services, roles, certificate, zone, and a database outside of AWS. It is looked up by name and
# stays as it is; what is added is a load balancer, a bucket, the contract, and roles for GitHub.
provider "aws" {
  region = "us-west-1"
}

variable "certificate_arn" {
  description = "ARN of the certificate for the host."
  type        = string
  default     = "arn:aws:acm:us-west-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"
}

data "aws_caller_identity" "this" {}

data "aws_vpc" "this" {
  tags = { Name = "fulcrum-vpc" }
}

data "aws_subnets" "private" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }

  tags = { Type = "private" }
}

data "aws_subnets" "public" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }

  tags = { Type = "public" }
}

data "aws_security_group" "tasks" {
  name   = "asset-manager-services-sg"
  vpc_id = data.aws_vpc.this.id
}

data "aws_ecs_cluster" "this" {
  cluster_name = "asset-manager"
}

data "aws_route53_zone" "this" {
  name = "example.com"
}

data "aws_iam_openid_connect_provider" "github" {
  url = "https://token.actions.githubusercontent.com"
}

locals {
  name  = "asset-manager"
  roles = { execution = "asset-manager-execution", task = "asset-manager-task" }
}

module "storage" {
  source = "../../modules/storage"
  bucket = "asset-manager-artifacts"
}

module "ingress" {
  source                               = "../../modules/ingress"
  name                                 = local.name
  public                               = true
  vpc_id                               = data.aws_vpc.this.id
  subnets                              = data.aws_subnets.public.ids
  task_group                           = data.aws_security_group.tasks.id
  certificate_arn                      = var.certificate_arn
  host                                 = "dg.example.com"
  zone_id                              = data.aws_route53_zone.this.zone_id
  sources                              = { cidrs = ["0.0.0.0/0"] }
  authentication                       = "none"
  accept_public_without_authentication = true # as it is today; `oidc` ends it
}

module "contract" {
  source    = "../../modules/contract"
  name      = local.name
  cluster   = data.aws_ecs_cluster.this.cluster_name
  network   = { subnets = data.aws_subnets.private.ids, security_groups = [data.aws_security_group.tasks.id] }
  bucket    = { name = module.storage.bucket, prefix = "deploys/" }
  roles     = local.roles
  log_group = "/asset-manager/runs"

  services = {
    web    = { service = "asset-manager-web", log_group = "/asset-manager/web", url = module.ingress.url, port = 3000 }
    daemon = { service = "asset-manager-daemon", log_group = "/asset-manager/daemon" }
  }

  database = {
    host      = "postgres.example.com"
    name      = "dagster"
    user_from = "ssm:/asset-manager/DAGSTER_PG_USER"
    password  = "ssm:/asset-manager/DAGSTER_PG_PASSWORD"
  }
}

module "deploy_role" {
  source   = "../../modules/deploy-role"
  for_each = { deploy = ["deploy", "rollback", "status", "unlock"], plan = ["plan", "status"], build = ["build-push-image"] }
  name     = "${local.name}-github-${each.key}"
  stack    = local.name
  commands = each.value
  trust = {
    repository    = "example/asset-manager"
    environments  = each.key == "deploy" ? ["production"] : []
    branches      = each.key == "deploy" ? [] : ["main"]
    pull_requests = each.key == "plan"
  }
  provider_arn = data.aws_iam_openid_connect_provider.github.arn
  contract     = merge(module.contract.object, { parameter = module.contract.parameter })
  bucket       = { name = module.storage.bucket, prefix = "deploys/" }
  cluster      = data.aws_ecs_cluster.this.cluster_name
  services     = ["asset-manager-web", "asset-manager-daemon"]
  families     = ["asset-manager-web", "asset-manager-daemon", "asset-manager-run"]
  repositories = ["asset-manager"]
  task_roles   = [for role in values(local.roles) : "arn:aws:iam::${data.aws_caller_identity.this.account_id}:role/${role}"]
  log_groups   = ["/asset-manager/web", "/asset-manager/daemon", "/asset-manager/runs"]
}

output "contract" {
  value = module.contract.reference
}

output "contract_object" {
  value = module.contract.contract
}

output "target_group_arn" {
  description = "Behind which the service `asset-manager-web` is put: by its own configuration, once."
  value       = module.ingress.target_group_arn
}

output "roles" {
  value = { for key, role in module.deploy_role : key => role.arn }
}
