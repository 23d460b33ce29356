provider "aws" {
  region = "eu-west-1"
}

variables {
  name          = "shop"
  cluster       = "shop"
  services      = ["shop-daemon", "shop-webserver"]
  load_balancer = { load_balancer = "app/shop/1", target_group = "targetgroup/shop/2" }
  database      = { identifier = "shop", storage_gb = 20 }
  notify        = ["arn:aws:sns:eu-west-1:111122223333:alarms"]
}

run "watches_all_that_is_there" {
  assert {
    condition     = output.alarms == toset(["shop-daemon-does-not-run", "shop-webserver-does-not-run", "shop-errors", "shop-unhealthy", "shop-database-full"])
    error_message = "services, load balancer, database"
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:111122223333:alarms"]) && alarm.ok_actions == alarm.alarm_actions])
    error_message = "who hears of it hears of its end"
  }
}

run "hears_of_a_daemon_that_is_gone" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shop-daemon-does-not-run"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["shop-daemon-does-not-run"].statistic == "SampleCount" && aws_cloudwatch_metric_alarm.this["shop-daemon-does-not-run"].dimensions == tomap({ ClusterName = "shop", ServiceName = "shop-daemon" })
    error_message = "who does not run gives no sample"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shop-daemon-does-not-run"].period * aws_cloudwatch_metric_alarm.this["shop-daemon-does-not-run"].evaluation_periods == 600
    error_message = "a release stops the daemon for a minute or two"
  }
}

run "hears_of_a_webserver_that_does_not_answer" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shop-unhealthy"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["shop-unhealthy"].comparison_operator == "LessThanThreshold"
    error_message = "where no target is, nothing is counted"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shop-errors"].treat_missing_data == "notBreaching" && aws_cloudwatch_metric_alarm.this["shop-errors"].comparison_operator == "GreaterThanOrEqualToThreshold"
    error_message = "where no error is, nothing is counted"
  }
}

run "hears_of_a_database_before_it_is_full" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shop-database-full"].threshold == 4294967296
    error_message = "a fifth of 20 GiB, in bytes"
  }
}

run "watches_what_there_is" {
  variables {
    services      = ["dagster-daemon", "shop-webserver"]
    load_balancer = null
    database      = null
  }

  assert {
    condition     = output.alarms == toset(["shop-dagster-daemon-does-not-run", "shop-webserver-does-not-run"])
    error_message = "services alone, under names that no other stack has"
  }
}

run "refuses_an_alarm_that_nobody_hears" {
  command = plan
  variables {
    notify = []
  }
  expect_failures = [var.notify]
}
