variable "name" {
  description = "Name of the VPC, and the beginning of what is in it."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC: a /16 to /20."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "A /16 to /20, so that each subnet has room for runs."
  }
}

variable "zones" {
  description = "How many availability zones: a load balancer and a database want two."
  type        = number
  default     = 2

  validation {
    condition     = var.zones >= 2 && var.zones <= 3
    error_message = "Two or three."
  }
}

variable "nat" {
  description = "How tasks in private subnets reach AWS: `none` (then tasks stand in public subnets, with addresses of their own), `one` gateway, or `each` zone its own."
  type        = string
  default     = "one"

  validation {
    condition     = contains(["none", "one", "each"], var.nat)
    error_message = "none, one or each."
  }
}
