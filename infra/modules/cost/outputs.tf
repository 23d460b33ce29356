output "monthly" {
  description = "USD a month for what runs all the time: by line, in all, what the table has no price for, and the table's date. Runs, traffic, requests and what is stored come on top."
  value = {
    lines     = local.priced
    total     = floor(sum(concat([0], values(local.priced))) * 100 + 0.5) / 100
    unpriced  = local.unpriced
    currency  = local.table.currency
    priced_at = local.table.date
  }
}
