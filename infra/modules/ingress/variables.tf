variable "name" {
  description = "Name of the load balancer."
  type        = string

  validation {
    condition     = length(var.name) <= 28 && !startswith(var.name, "internal-")
    error_message = "Names of load balancers have 32 characters at most, of which 4 are needed here."
  }
}

variable "public" {
  description = "True for a load balancer that the internet reaches, false for one inside the VPC."
  type        = bool
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "subnets" {
  description = "Ids of its subnets in two zones: public ones for a public load balancer."
  type        = list(string)
}

variable "port" {
  description = "Port on which it listens; 443 with a certificate, 80 without, unless told: Dagster's 3000, for one."
  type        = number
  default     = null
}

variable "certificate_arn" {
  description = "ARN of the certificate. Null listens by plain HTTP, where passwords and data travel as they are."
  type        = string
  default     = null
}

variable "host" {
  description = "DNS name under which Dagster is asked for; every other gets 404. Null lets all through."
  type        = string
  default     = null
}

variable "zone_id" {
  description = "Route 53 zone in which `host` is made to lead here. Null makes no record."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || var.host != null
    error_message = "A record needs a host."
  }
}

variable "sources" {
  description = "Who may connect: CIDR blocks, prefix lists, and security groups such as those of a VPN or a bastion."
  type = object({
    cidrs           = optional(set(string), [])
    prefix_lists    = optional(set(string), [])
    security_groups = optional(map(string), {})
  })

  validation {
    condition     = length(var.sources.cidrs) + length(var.sources.prefix_lists) + length(var.sources.security_groups) > 0
    error_message = "Name somebody who may connect."
  }
}

variable "task_group" {
  description = "Id of the security group of the tasks."
  type        = string
}

variable "target" {
  description = "Port of the webserver's task, and the path that says whether Dagster itself answers: `/server_info` unless told, and with basic authentication the sidecar's `/health`."
  type = object({
    port        = optional(number, 3000)
    health_path = optional(string)
  })
  default = {}

  validation {
    condition     = var.target.health_path == null || var.target.health_path != "/"
    error_message = "`/` answers 200 with a page whatever state Dagster is in; /server_info is Dagster's own answer."
  }
  validation {
    condition     = var.authentication != "basic" || try(var.target.health_path, null) != "/server_info"
    error_message = "With basic authentication, /server_info is answered 401, and no task would ever be healthy: leave it out, for the sidecar's /health."
  }
}

variable "authentication" {
  description = "`none`, `basic` (by a sidecar of the task definition, at `target`) or `oidc` (by the load balancer, with `oidc`). Dagster itself asks nobody who they are, and whoever reaches it may run code."
  type        = string

  validation {
    condition     = contains(["none", "basic", "oidc"], var.authentication)
    error_message = "none, basic or oidc."
  }
  validation {
    condition     = var.authentication != "none" || !var.public || var.accept_public_without_authentication
    error_message = "A public load balancer without authentication lets everybody run code in your account. Choose basic or oidc, or set accept_public_without_authentication."
  }
  validation {
    condition     = var.authentication != "oidc" || (var.oidc != null && var.certificate_arn != null)
    error_message = "oidc needs `oidc` and a certificate."
  }
  validation {
    condition     = var.authentication != "basic" || var.certificate_arn != null || var.accept_plain_http
    error_message = "Basic authentication without a certificate sends the password as it is. Give a certificate, or set accept_plain_http."
  }
}

variable "accept_public_without_authentication" {
  description = "Accept that everybody who reaches a public load balancer may run code."
  type        = bool
  default     = false
}

variable "accept_plain_http" {
  description = "Accept that passwords and data travel as they are."
  type        = bool
  default     = false
}

variable "oidc" {
  description = "Who authenticates, as the load balancer wants it. It keeps the client secret, and so does the state."
  type = object({
    issuer                 = string
    authorization_endpoint = string
    token_endpoint         = string
    user_info_endpoint     = string
    client_id              = string
    client_secret          = string
  })
  default   = null
  sensitive = true
}

variable "protected" {
  description = "Refuse to delete the load balancer by the API."
  type        = bool
  default     = true
}
