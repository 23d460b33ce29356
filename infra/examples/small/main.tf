# The cheapest shape that is still closed: public subnets without NAT, two services that load the code themselves, plain HTTP. Runs live
# inside the daemon. Nobody gets in but from the addresses named; what passes is not encrypted, and every plan says so.
provider "aws" {
  region = "ap-southeast-2"
}

variable "allowed_cidrs" {
  description = "Addresses from which people see Dagster: an office, a VPN."
  type        = set(string)
  default     = ["203.0.113.0/24"]

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : tonumber(split("/", cidr)[1]) >= 16])
    error_message = "Nothing wider than a /16: whoever reaches Dagster may run code."
  }
}

variable "certificate_arn" {
  description = "ARN of a certificate, which ends the warning."
  type        = string
  default     = null
}

module "platform" {
  source       = "../../stacks/platform"
  name         = "dynamic-dags"
  bucket       = "example-dynamic-dags"
  repositories = ["dagster-ecs"]
  network      = { nat = "none" }
  database     = { class = "db.t3.micro" }

  services = {
    daemon    = { kind = "daemon", cpu = 256, memory = 512 }
    webserver = { kind = "webserver", cpu = 256, memory = 512, scaling = { min = 1, max = 2 } }
  }

  ingress = {
    public                               = true
    authentication                       = "none"
    accept_public_without_authentication = true
    accept_plain_http                    = true
    certificate_arn                      = var.certificate_arn
    sources                              = { cidrs = var.allowed_cidrs }
  }
}

output "contract" {
  value = module.platform.contract
}

output "contract_object" {
  value = module.platform.contract_object
}

output "warning" {
  value = module.platform.warning
}

output "monthly_cost" {
  value = module.platform.monthly_cost
}
