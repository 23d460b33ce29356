variable "name" {
  description = "Name of the stack. A service that has no name of its own is `<name>-<key>`."
  type        = string
}

variable "cluster" {
  description = "Name of the ECS cluster."
  type        = string
}

variable "subnets" {
  description = "Ids of the subnets of the tasks."
  type        = list(string)

  validation {
    condition     = length(var.subnets) > 0
    error_message = "A task needs a subnet."
  }
}

variable "security_groups" {
  description = "Ids of the security groups of the tasks, five at most."
  type        = list(string)
}

variable "public_address" {
  description = "Give each task a public address: for subnets without NAT."
  type        = bool
  default     = false
}

variable "namespace" {
  description = "Cloud Map namespace in which services with a port are found: id and DNS name. Null makes no names."
  type = object({
    id   = string
    name = string
  })
  default = null
}

variable "execution_role_arn" {
  description = "ARN of the execution role, for the bootstrap revision."
  type        = string
}

variable "architecture" {
  description = "Processor of the bootstrap revision. What is released says its own."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "ARM64 or X86_64."
  }
}

variable "services" {
  description = "The services, by their key in dagster-stack.yml. `kind` decides how they roll: two daemons would run every schedule twice."
  type = map(object({
    kind               = string
    service            = optional(string)
    container          = optional(string)
    port               = optional(number)
    target_group_arn   = optional(string)
    log_retention_days = optional(number, 90)
    scaling = optional(object({
      min    = optional(number, 1)
      max    = number
      cpu    = optional(number, 70)
      memory = optional(number, 80)
    }))
  }))

  validation {
    condition     = alltrue([for service in var.services : contains(["webserver", "daemon", "code-location"], service.kind)])
    error_message = "A service's kind is webserver, daemon or code-location."
  }
  validation {
    condition     = alltrue([for service in var.services : service.scaling == null || service.kind == "webserver"])
    error_message = "Only a webserver may be scaled: two daemons run every schedule twice, and two code servers of one location disagree about which they are."
  }
  validation {
    condition     = alltrue([for service in var.services : service.target_group_arn == null || (service.kind == "webserver" && service.port != null)])
    error_message = "Only a webserver with a port stands behind a load balancer."
  }
  validation {
    condition     = length([for service in var.services : service if service.kind == "daemon"]) <= 1
    error_message = "A stack has one daemon."
  }
}
