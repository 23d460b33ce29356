# What AWS measures by itself. A daemon whose heartbeats are old is ended by its health check, so the alarm of its service hears of that, too.
locals {
  services = {
    # Of one account and region alarms have one name space, and the services of two clusters may be called alike.
    for service in var.services : "${var.name}-${trimprefix(service, "${var.name}-")}-does-not-run" => {
      description = "No task of ${service} has run for ten minutes."
      namespace   = "AWS/ECS"
      # Each task gives one sample a minute: there is no metric of how many run, but one that costs.
      metric     = "CPUUtilization"
      statistic  = "SampleCount"
      dimensions = { ClusterName = var.cluster, ServiceName = service }
      comparison = "LessThanThreshold"
      threshold  = 1
      periods    = 10
      seconds    = 60
      missing    = "breaching"
    }
  }

  load_balancer = var.load_balancer == null ? {} : {
    "${var.name}-errors" = {
      description = "Dagster's webserver answers with 5xx: ten times in five minutes."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_Target_5XX_Count"
      statistic   = "Sum"
      dimensions  = { LoadBalancer = var.load_balancer.load_balancer, TargetGroup = var.load_balancer.target_group }
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 10
      periods     = 1
      seconds     = 300
      missing     = "notBreaching"
    }
    "${var.name}-unhealthy" = {
      description = "The load balancer has found no healthy webserver for five minutes."
      namespace   = "AWS/ApplicationELB"
      metric      = "HealthyHostCount"
      statistic   = "Maximum"
      dimensions  = { LoadBalancer = var.load_balancer.load_balancer, TargetGroup = var.load_balancer.target_group }
      comparison  = "LessThanThreshold"
      threshold   = 1
      periods     = 5
      seconds     = 60
      missing     = "breaching"
    }
  }

  database = var.database == null ? {} : {
    "${var.name}-database-full" = {
      description = "Of the storage that the database began with, less than a fifth is free: it is about to grow, or has grown as far as it may."
      namespace   = "AWS/RDS"
      metric      = "FreeStorageSpace"
      statistic   = "Minimum"
      dimensions  = { DBInstanceIdentifier = var.database.identifier }
      comparison  = "LessThanThreshold"
      threshold   = var.database.storage_gb * 1024 * 1024 * 1024 / 5
      periods     = 5
      seconds     = 60
      missing     = "missing"
    }
  }

  alarms = merge(local.services, local.load_balancer, local.database)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = each.key
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.seconds
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = var.notify
  ok_actions          = var.notify
}
