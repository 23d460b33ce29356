variable "name" {
  description = "Name of the stack, as dagster-stack.yml has it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]*$", var.name))
    error_message = "The name of a stack is lower case letters, digits and hyphens."
  }
}

variable "contract_version" {
  description = "Counts up with each change of the infrastructure, where somebody counts; the bucket keeps every version of the object anyway."
  type        = number
  default     = null
}

variable "cluster" {
  description = "Name of the ECS cluster."
  type        = string
}

variable "network" {
  description = "Subnets, security groups and public address of the tasks: by id, or as an ECS service that exists has them (`like_service`)."
  type = object({
    subnets         = optional(list(string))
    security_groups = optional(list(string))
    public_address  = optional(bool, false)
    like_service    = optional(string)
  })

  validation {
    condition     = (var.network.like_service == null) == (var.network.subnets != null && var.network.security_groups != null)
    error_message = "Give subnets and security_groups, or like_service, and not both."
  }
}

variable "bucket" {
  description = "Bucket for lock, journal and DAG bundles, and for the contract itself; `prefix` ends in a slash."
  type = object({
    name   = string
    prefix = optional(string, "")
  })

  validation {
    condition     = var.bucket.prefix == "" || endswith(var.bucket.prefix, "/")
    error_message = "The prefix ends in a slash."
  }
}

variable "roles" {
  description = "Names of IAM roles: `execution`, `run`, `run-<location>`, and one for each kind or service; `task` for all that have none of their own."
  type        = map(string)
  default     = {}
}

variable "log_group" {
  description = "Log group of every service that has none of its own, of runs and of migrations."
  type        = string
  default     = null
}

variable "services" {
  description = "What is known of single services, by their key in dagster-stack.yml."
  type = map(object({
    service   = optional(string)
    address   = optional(string)
    port      = optional(number)
    url       = optional(string)
    log_group = optional(string)
    task_role = optional(string)
  }))
  default = {}
}

variable "database" {
  description = "Dagster's database. `password` and `user_from` are references: `ssm:/path`, `secret:name` or `secret:name#key`."
  type = object({
    host            = string
    port            = optional(number, 5432)
    name            = string
    user            = optional(string)
    user_from       = optional(string)
    password        = string
    security_groups = optional(list(string))
  })
  default = null

  validation {
    condition     = var.database == null ? true : (var.database.user == null) != (var.database.user_from == null)
    error_message = "Give the user itself, or user_from with the secret that holds it."
  }
  validation {
    condition = var.database == null ? true : alltrue([
      for reference in compact([var.database.password, var.database.user_from]) :
      can(regex("^(ssm:/[0-9A-Za-z_./-]+|secret:[0-9A-Za-z_/+=.@-]+(#[0-9A-Za-z_.-]+)?)$", reference))
    ])
    error_message = "password and user_from name a secret, and are none: ssm:/path, secret:name or secret:name#key. A secret that RDS manages (rds!…) rotates under running tasks and cannot be named."
  }
}

variable "name_ttl_seconds" {
  description = "Seconds for which a resolver may remember a service's old address."
  type        = number
  default     = 10
}

variable "efs" {
  description = "Id of the EFS file system, for `volumes`."
  type        = string
  default     = null
}
