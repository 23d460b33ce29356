variable "region" {
  description = "Region of it all."
  type        = string
}

variable "architecture" {
  description = "Processor of the tasks: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "services" {
  description = "Size of each service: CPU units (1024 are a processor), MiB of memory, and how many tasks."
  type = map(object({
    cpu    = number
    memory = number
    count  = optional(number, 1)
  }))
}

variable "public_tasks" {
  description = "Whether each task has a public address of its own."
  type        = bool
  default     = false
}

variable "load_balancer" {
  description = "A load balancer: in how many zones, and whether it has public addresses. Null for none."
  type = object({
    zones  = number
    public = bool
  })
  default = null
}

variable "nat_gateways" {
  description = "How many NAT gateways; each has a public address."
  type        = number
  default     = 0
}

variable "database" {
  description = "A database: class, GB, and whether a second one stands by. Null for none."
  type = object({
    class    = string
    gb       = number
    multi_az = optional(bool, false)
  })
  default = null
}

variable "secrets" {
  description = "How many secrets in Secrets Manager."
  type        = number
  default     = 0
}

variable "namespace" {
  description = "Whether there is a private DNS namespace."
  type        = bool
  default     = true
}

variable "prices" {
  description = "Prices of yours for this region, in the form of `regions` in prices.json; they win."
  type        = any
  default     = {}
}
