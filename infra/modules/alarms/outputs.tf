output "alarms" {
  description = "Names of the alarms."
  value       = toset(keys(aws_cloudwatch_metric_alarm.this))
}
