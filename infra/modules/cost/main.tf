locals {
  table  = jsondecode(file("${path.module}/prices.json"))
  hours  = local.table["hours-a-month"]
  all    = local.table.everywhere
  region = merge(lookup(local.table.regions, var.region, {}), var.prices)
  rate   = try(local.region[var.architecture], null)
  tasks  = sum(concat([0], [for service in var.services : service.count]))

  addresses = (
    (var.public_tasks ? local.tasks : 0) +
    var.nat_gateways +
    (var.load_balancer == null ? 0 : var.load_balancer.public ? var.load_balancer.zones : 0)
  )
  databases = var.database == null ? 0 : var.database.multi_az ? 2 : 1

  # USD a month; null where the table has no price.
  lines = merge(
    {
      for key, service in var.services : "Fargate: ${key}, ${service.count} × ${service.cpu / 1024} vCPU, ${service.memory / 1024} GB" =>
      try(service.count * local.hours * (service.cpu / 1024 * local.rate.vcpu + service.memory / 1024 * local.rate.gb), null)
    },
    var.load_balancer == null ? {} : { "Load balancer" = try(local.hours * local.region["load-balancer"], null) },
    local.addresses == 0 ? {} : { "Public addresses: ${local.addresses}" = local.addresses * local.hours * local.all["public-address"] },
    var.nat_gateways == 0 ? {} : { "NAT gateways: ${var.nat_gateways}" = try(var.nat_gateways * local.hours * local.region["nat-gateway"], null) },
    var.database == null ? {} : {
      "Database: ${local.databases} × ${var.database.class}" = try(local.databases * local.hours * local.region.database[var.database.class], null)
      "Database: ${local.databases} × ${var.database.gb} GB" = try(local.databases * var.database.gb * local.region["database-gb-month"], null)
    },
    var.secrets == 0 ? {} : { "Secrets: ${var.secrets}" = var.secrets * local.all["secret-month"] },
    var.namespace ? { "DNS namespace" = local.all["namespace-month"] } : {},
  )
  priced   = { for line, usd in local.lines : line => floor(usd * 100 + 0.5) / 100 if usd != null }
  unpriced = sort([for line, usd in local.lines : line if usd == null])
}
