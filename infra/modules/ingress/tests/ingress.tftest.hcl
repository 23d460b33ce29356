provider "aws" {
  region = "eu-west-1"
}

variables {
  name            = "shop"
  public          = true
  vpc_id          = "vpc-1"
  subnets         = ["subnet-1a", "subnet-1b"]
  certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1"
  host            = "dagster.example.com"
  zone_id         = "Z1"
  sources         = { cidrs = ["198.51.100.0/24"], prefix_lists = ["pl-1"], security_groups = { vpn = "sg-vpn" } }
  task_group      = "sg-tasks"
  authentication  = "oidc"
  oidc = {
    issuer                 = "https://id.example.com"
    authorization_endpoint = "https://id.example.com/authorize"
    token_endpoint         = "https://id.example.com/token"
    user_info_endpoint     = "https://id.example.com/userinfo"
    client_id              = "dagster"
    client_secret          = "from-elsewhere"
  }
}

run "speaks_https" {
  assert {
    condition     = aws_lb_listener.this.port == 443 && aws_lb_listener.this.protocol == "HTTPS" && aws_lb_listener.this.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "TLS 1.2 at least"
  }
  assert {
    condition     = one(one(aws_lb_listener.redirect["80"].default_action).redirect).protocol == "HTTPS" && one(one(aws_lb_listener.redirect["80"].default_action).redirect).status_code == "HTTP_301"
    error_message = "80 leads there"
  }
  assert {
    condition     = output.url == "https://dagster.example.com" && output.warning == null
    error_message = "by its name"
  }
}

run "answers_to_its_name_alone" {
  assert {
    condition     = one(aws_lb_listener.this.default_action).type == "fixed-response" && one(one(aws_lb_listener.this.default_action).fixed_response).status_code == "404"
    error_message = "everything else is 404"
  }
  assert {
    condition     = one(one(aws_lb_listener_rule.this.condition).host_header).values == toset(["dagster.example.com"])
    error_message = "the host"
  }
  assert {
    condition     = one(aws_route53_record.this["dagster.example.com"].alias).name == aws_lb.this.dns_name
    error_message = "the record leads here"
  }
}

run "asks_who_it_is_first" {
  assert {
    condition     = [for action in aws_lb_listener_rule.this.action : action.type] == ["authenticate-oidc", "forward"] && [for action in aws_lb_listener_rule.this.action : action.order] == [1, 2]
    error_message = "then forwards"
  }
  assert {
    condition     = one(one([for action in aws_lb_listener_rule.this.action : action if action.type == "authenticate-oidc"]).authenticate_oidc).on_unauthenticated_request == "authenticate"
    error_message = "who is nobody is not let through"
  }
}

run "lets_in_who_is_named" {
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.sources) == 6 && toset([for rule in aws_vpc_security_group_ingress_rule.sources : rule.from_port]) == toset([80, 443])
    error_message = "three sources, two ports"
  }
  assert {
    condition     = toset(compact([for rule in aws_vpc_security_group_ingress_rule.sources : rule.cidr_ipv4])) == toset(["198.51.100.0/24"]) && toset(compact([for rule in aws_vpc_security_group_ingress_rule.sources : rule.prefix_list_id])) == toset(["pl-1"]) && toset(compact([for rule in aws_vpc_security_group_ingress_rule.sources : rule.referenced_security_group_id])) == toset(["sg-vpn"])
    error_message = "by address, list and group"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.webserver.security_group_id == "sg-tasks" && aws_vpc_security_group_ingress_rule.webserver.referenced_security_group_id == aws_security_group.this.id && aws_vpc_security_group_ingress_rule.webserver.from_port == 3000 && aws_vpc_security_group_ingress_rule.webserver.to_port == 3000
    error_message = "the webserver is reached from here alone"
  }
}

run "asks_dagster_itself" {
  assert {
    condition     = one(aws_lb_target_group.this.health_check).path == "/server_info" && one(aws_lb_target_group.this.health_check).matcher == "200" && aws_lb_target_group.this.target_type == "ip"
    error_message = "a health path that is true"
  }
  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.enable_deletion_protection && aws_lb.this.idle_timeout >= 300 && aws_lb_target_group.this.deregistration_delay <= 60
    error_message = "the page stays connected, and a release does not wait for it"
  }
}

run "stands_inside_on_any_port" {
  variables {
    public          = false
    port            = 3000
    certificate_arn = null
    host            = null
    zone_id         = null
    authentication  = "none"
    oidc            = null
    sources         = { cidrs = ["10.8.0.0/16"] }
  }

  expect_failures = [check.encrypted]

  assert {
    condition     = aws_lb.this.internal && aws_lb_listener.this.port == 3000 && aws_lb_listener.this.protocol == "HTTP" && length(aws_lb_listener.redirect) == 0
    error_message = "as asked"
  }
  assert {
    condition     = output.url == "http://lb-1234.eu-west-1.elb.amazonaws.com:3000" && startswith(output.warning, "PLAIN HTTP")
    error_message = "with a warning"
  }
}

run "refuses_an_open_door" {
  command = plan
  variables {
    authentication = "none"
  }
  expect_failures = [var.authentication]
}

run "refuses_a_password_in_plain_text" {
  command = plan
  variables {
    authentication  = "basic"
    certificate_arn = null
  }
  expect_failures = [var.authentication, check.encrypted]
}

run "refuses_a_path_that_always_answers" {
  command = plan
  variables {
    target = { health_path = "/" }
  }
  expect_failures = [var.target]
}

run "refuses_to_be_for_nobody" {
  command = plan
  variables {
    sources = {}
  }
  expect_failures = [var.sources]
}

run "asks_the_sidecar_for_health_behind_a_password" {
  variables {
    authentication = "basic"
    target         = { port = 8080 }
  }

  assert {
    condition     = one(aws_lb_target_group.this.health_check).path == "/health"
    error_message = "nginx answers 401 to everything else"
  }
}

run "refuses_a_health_path_that_asks_for_the_password" {
  command = plan
  variables {
    authentication = "basic"
    target         = { port = 8080, health_path = "/server_info" }
  }
  expect_failures = [var.target]
}
