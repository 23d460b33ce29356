variable "name" {
  description = "Name of the stack, of its cluster, and of its namespace (`<name>.internal`)."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "task_ports" {
  description = "Ports on which tasks reach one another: those of the code locations, and the webserver's where a task asks it (`gates: { reach: task }`)."
  type        = set(number)
  default     = [4000]
}

variable "egress" {
  description = "Ports on which tasks reach the world, with why. AWS itself is 443."
  type        = map(string)
  default     = { 443 = "AWS, and whatever else speaks HTTPS" }
}

variable "egress_to" {
  description = "What tasks reach of one security group or CIDR block, by what it is: a database, for one."
  type = map(object({
    port           = number
    security_group = optional(string)
    cidr           = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for one in var.egress_to : (one.security_group == null) != (one.cidr == null)])
    error_message = "A security group, or a CIDR block."
  }
}

variable "container_insights" {
  description = "`disabled`, `enabled` or `enhanced`: the last two cost by metric."
  type        = string
  default     = "disabled"

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "disabled, enabled or enhanced."
  }
}

variable "log_retention_days" {
  description = "Days for which lines of runs and migrations are kept."
  type        = number
  default     = 90
}
