# A whole Dagster in an account that has nothing yet: private subnets with one NAT gateway, a database, and a load balancer inside the
# VPC. The first apply keeps its state here; then say `backend "s3"` as the output `backend` has it, and `tofu init -migrate-state`.
provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { Project = "shop" }
  }
}

variable "vpn_cidr" {
  description = "Addresses from which people see Dagster."
  type        = string
  default     = "10.8.0.0/16"
}

module "bootstrap" {
  source       = "../../stacks/bootstrap"
  state_bucket = "example-shop-states"
  repositories = ["shop/host", "shop/code"]
}

module "platform" {
  source       = "../../stacks/platform"
  name         = "shop"
  bucket       = "example-shop-dagster"
  repositories = keys(module.bootstrap.repositories)

  services = {
    code      = { kind = "code-location", cpu = 512, memory = 1024 }
    daemon    = { kind = "daemon", cpu = 512, memory = 1024 }
    webserver = { kind = "webserver", cpu = 512, memory = 1024, scaling = { min = 1, max = 2 } }
  }

  # A runner of GitHub's does not reach it: `gates: { reach: task }` in dagster-stack.yml.
  reach = "task"
  ingress = {
    public         = false
    authentication = "none"
    port           = 3000
    sources        = { cidrs = [var.vpn_cidr] }
  }

  github_provider_arn = module.bootstrap.github_provider_arn
  github = {
    repository    = "example/shop"
    owner_id      = 1234
    repository_id = 5678
    environment   = "production"
  }

  # Who writes assets releases them alone, from a repository of their own (sync-dags): a role that its jobs assume. Name yours.
  # publishers = {
  #   shop = { repository = "example/shop-assets", prefixes = ["dags/shop/"] }
  # }
}

output "backend" {
  value = module.bootstrap.backend
}

output "contract" {
  value = module.platform.contract
}

output "contract_object" {
  value = module.platform.contract_object
}

output "roles" {
  value = module.platform.roles
}

output "publishers" {
  value = module.platform.publishers
}

output "url" {
  value = module.platform.url
}

output "monthly_cost" {
  value = module.platform.monthly_cost
}
