variable "name" {
  description = "Name of all that is made: the stack's, or, where two environments share an account, one for each: `shop-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "Two to 28 lower case letters, digits and hyphens: a load balancer's name has no room for more."
  }
}

variable "stack" {
  description = "Name of the stack, as dagster-stack.yml has it, when it is not `name`: families and records are by stack, in every environment."
  type        = string
  default     = null
}

variable "bucket" {
  description = "Name of the bucket, which nobody else in the world may have."
  type        = string
}

variable "services" {
  description = "The services, by their key in dagster-stack.yml. CPU and memory are for the price: a task's size is the release's."
  type = map(object({
    kind      = string
    service   = optional(string)
    container = optional(string)
    port      = optional(number)
    cpu       = optional(number, 512)
    memory    = optional(number, 1024)
    scaling = optional(object({
      min    = optional(number, 1)
      max    = number
      cpu    = optional(number, 70)
      memory = optional(number, 80)
    }))
  }))

  validation {
    condition     = length([for service in var.services : service if service.kind == "webserver"]) <= 1
    error_message = "The load balancer leads to one webserver."
  }
}

variable "architecture" {
  description = "Processor of the tasks: ARM64, which costs a fifth less, or X86_64."
  type        = string
  default     = "ARM64"
}

variable "repositories" {
  description = "Names of the ECR repositories of the stack's images; made by the bootstrap stack."
  type        = set(string)
}

variable "network" {
  description = "The VPC that is made: its addresses, zones, and how tasks reach AWS (`none`, `one` or `each`)."
  type = object({
    cidr  = optional(string, "10.0.0.0/16")
    zones = optional(number, 2)
    nat   = optional(string, "one")
  })
  default = {}
}

variable "egress" {
  description = "Ports on which tasks reach the world, with why."
  type        = map(string)
  default     = { 443 = "AWS, and whatever else speaks HTTPS" }
}

variable "database" {
  description = "The database that is made; null where you have one, which `existing_database` names."
  type = object({
    class            = optional(string, "db.t4g.micro")
    engine_version   = optional(string, "17")
    storage_gb       = optional(number, 20)
    backup_days      = optional(number, 14)
    multi_az         = optional(bool, false)
    password_version = optional(number, 1)
    recovery_days    = optional(number, 30)
    clients          = optional(map(string), {})
  })
  default = {}
}

variable "existing_database" {
  description = "A database that exists, in words of the contract. Tasks reach its port in its `security_groups` and `cidrs`; where neither is named, anywhere."
  type = object({
    host            = string
    port            = optional(number, 5432)
    name            = string
    user            = optional(string)
    user_from       = optional(string)
    password        = string
    security_groups = optional(list(string))
    cidrs           = optional(set(string))
  })
  default = null

  validation {
    condition     = (var.existing_database == null) != (var.database == null)
    error_message = "Either a database is made, or one that exists is named."
  }
}

variable "ingress" {
  description = "How people reach the webserver; null for not at all. As the module `ingress` has it; `oidc` is a variable of its own, for it holds a secret."
  type = object({
    public                               = bool
    authentication                       = string
    sources                              = any
    port                                 = optional(number)
    certificate_arn                      = optional(string)
    host                                 = optional(string)
    zone_id                              = optional(string)
    health_path                          = optional(string)
    accept_public_without_authentication = optional(bool, false)
    accept_plain_http                    = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.ingress == null || length([for service in var.services : service if service.kind == "webserver"]) == 1
    error_message = "An ingress needs a webserver among the services."
  }
}

variable "oidc" {
  description = "Who authenticates, with authentication = oidc."
  type        = any
  default     = null
  sensitive   = true
}

variable "file_system" {
  description = "Make an EFS file system, for `volumes`."
  type        = bool
  default     = false
}

variable "secrets" {
  description = "Names of Secrets Manager secrets that tasks are given, beside the database's."
  type        = set(string)
  default     = []
}

variable "parameters" {
  description = "SSM parameters that tasks are given: `/shop/key`, or `/shop/*`."
  type        = set(string)
  default     = []
}

variable "locations" {
  description = "Locations whose runs have a role and data of their own: prefixes in the bucket that they alone may read and write, outside of `io/`."
  type        = map(set(string))
  default     = {}
}

variable "read_prefixes" {
  description = "Prefixes of DAG bundles in the bucket, each with its slash: `dags/`."
  type        = set(string)
  default     = ["dags/"]
}

variable "reach" {
  description = "Who asks Dagster after a release, as `gates: reach` in dagster-stack.yml has it: `runner` or `task`. Default `runner` with an ingress, else `task`."
  type        = string
  default     = null

  validation {
    condition     = var.reach == null || contains(["runner", "task"], coalesce(var.reach, "runner"))
    error_message = "runner or task."
  }
}

variable "github" {
  description = "The repository whose jobs release, in words of the module `deploy-role` (its `trust`), with the environment whose jobs release, the branches whose jobs plan and make images (none: there is no role `build`), and whether images have `scan:` or `create:`, and whether they `verify` or have `keep-revisions`; null makes no roles for GitHub."
  type = object({
    repository          = string
    owner_id            = optional(number)
    repository_id       = optional(number)
    names               = optional(bool, true)
    environment         = string
    branches            = optional(set(string), ["main"])
    workflows           = optional(set(string), [])
    scan                = optional(bool, false)
    create_repositories = optional(bool, false)
    verify              = optional(bool, false)
    keep_revisions      = optional(bool, false)
  })
  default = null
}

variable "publishers" {
  description = "Repositories that publish DAGs to this bucket by themselves, with `sync-dags`: each has the role `<name>-dags-<key>`, which reaches its own prefixes and nothing else."
  type = map(object({
    repository    = string
    prefixes      = set(string)
    owner_id      = optional(number)
    repository_id = optional(number)
    names         = optional(bool, true)
    branches      = optional(set(string), ["main"])
    environments  = optional(set(string), [])
  }))
  default = {}

  validation {
    condition = alltrue(flatten([
      for key, publisher in var.publishers : [
        for prefix in publisher.prefixes : [
          for other in flatten([for name, theirs in var.publishers : tolist(theirs.prefixes) if name != key]) : !startswith(prefix, other) && !startswith(other, prefix)
        ]
      ]
    ]))
    error_message = "A prefix is one publisher's: no other's lies in it."
  }
  validation {
    condition     = alltrue(flatten([for publisher in var.publishers : [for prefix in publisher.prefixes : anytrue([for read in var.read_prefixes : startswith(prefix, read)])]]))
    error_message = "A prefix lies in one of read_prefixes: tasks could not read what is published elsewhere."
  }
}

variable "github_provider_arn" {
  description = "ARN of the account's OpenID Connect provider for GitHub; an output of the bootstrap stack."
  type        = string
  default     = null

  validation {
    condition     = (var.github == null && length(var.publishers) == 0) || var.github_provider_arn != null
    error_message = "Roles for GitHub need the provider: an output of the bootstrap stack."
  }
}

variable "alarms" {
  description = "Topics that hear when a service does not run, the webserver fails or is unhealthy, or the database fills up; null makes no alarms."
  type = object({
    notify = set(string)
  })
  default = null
}

variable "protected" {
  description = "Refuse every plan that would destroy or replace database, bucket or file system."
  type        = bool
  default     = true
}

variable "prices" {
  description = "Prices of yours for this region, which win over those of the table."
  type        = any
  default     = {}
}
