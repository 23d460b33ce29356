locals {
  https   = var.certificate_arn != null
  port    = coalesce(var.port, local.https ? 443 : 80)
  scheme  = local.https ? "https" : "http"
  forward = { type = "forward", order = var.authentication == "oidc" ? 2 : 1 }
  # Who asks for 80 by hand is led to HTTPS.
  redirected = local.https && local.port == 443
  ports      = local.redirected ? toset(["443", "80"]) : toset([tostring(local.port)])
  rules = merge(
    { for pair in setproduct(local.ports, var.sources.cidrs) : "${pair[0]} ${pair[1]}" => { port = pair[0], cidr = pair[1], list = null, group = null } },
    { for pair in setproduct(local.ports, var.sources.prefix_lists) : "${pair[0]} ${pair[1]}" => { port = pair[0], cidr = null, list = pair[1], group = null } },
    { for pair in setproduct(local.ports, keys(var.sources.security_groups)) : "${pair[0]} ${pair[1]}" => { port = pair[0], cidr = null, list = null, group = var.sources.security_groups[pair[1]] } },
  )
  shown_port = local.port == 80 || local.port == 443 ? "" : ":${local.port}"
}

resource "aws_security_group" "this" {
  name                   = "${var.name}-alb"
  description            = "Load balancer of ${var.name}"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
}

resource "aws_vpc_security_group_ingress_rule" "sources" {
  for_each                     = local.rules
  security_group_id            = aws_security_group.this.id
  description                  = "Who may see Dagster"
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.value.port)
  to_port                      = tonumber(each.value.port)
  cidr_ipv4                    = each.value.cidr
  prefix_list_id               = each.value.list
  referenced_security_group_id = each.value.group
}

resource "aws_vpc_security_group_egress_rule" "webserver" {
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = var.task_group
  description                  = "Webserver"
  ip_protocol                  = "tcp"
  from_port                    = var.target.port
  to_port                      = var.target.port
}

resource "aws_vpc_security_group_ingress_rule" "webserver" {
  security_group_id            = var.task_group
  referenced_security_group_id = aws_security_group.this.id
  description                  = "Webserver, from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.target.port
  to_port                      = var.target.port
}

resource "aws_vpc_security_group_egress_rule" "oidc" {
  for_each          = var.authentication == "oidc" ? { 443 = "Identity provider" } : {}
  security_group_id = aws_security_group.this.id
  description       = each.value
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = !var.public
  subnets                    = var.subnets
  security_groups            = [aws_security_group.this.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.protected
  desync_mitigation_mode     = "defensive"
  # The page listens for changes for as long as it is open.
  idle_timeout = 300
}

resource "aws_lb_target_group" "this" {
  name                 = "${var.name}-web"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = var.target.port
  deregistration_delay = 30

  health_check {
    path                = coalesce(var.target.health_path, var.authentication == "basic" ? "/health" : "/server_info")
    matcher             = "200"
    interval            = 30
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = local.port
  protocol          = local.https ? "HTTPS" : "HTTP"
  certificate_arn   = var.certificate_arn
  ssl_policy        = local.https ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "Nothing here."
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "this" {
  listener_arn = aws_lb_listener.this.arn
  priority     = 100

  condition {
    dynamic "host_header" {
      for_each = var.host == null ? [] : [var.host]

      content {
        values = [host_header.value]
      }
    }

    dynamic "path_pattern" {
      for_each = var.host == null ? ["/*"] : []

      content {
        values = [path_pattern.value]
      }
    }
  }

  dynamic "action" {
    for_each = var.authentication == "oidc" ? [true] : []

    content {
      type  = "authenticate-oidc"
      order = 1

      authenticate_oidc {
        issuer                     = var.oidc.issuer
        authorization_endpoint     = var.oidc.authorization_endpoint
        token_endpoint             = var.oidc.token_endpoint
        user_info_endpoint         = var.oidc.user_info_endpoint
        client_id                  = var.oidc.client_id
        client_secret              = var.oidc.client_secret
        on_unauthenticated_request = "authenticate"
      }
    }
  }

  action {
    type             = local.forward.type
    order            = local.forward.order
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_listener" "redirect" {
  for_each          = local.redirected ? { 80 = "443" } : {}
  load_balancer_arn = aws_lb.this.arn
  port              = tonumber(each.key)
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = each.value
      status_code = "HTTP_301"
    }
  }
}

resource "aws_route53_record" "this" {
  for_each = var.zone_id == null ? {} : { (var.host) = var.zone_id }
  name     = each.key
  zone_id  = each.value
  type     = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}

check "encrypted" {
  assert {
    condition     = local.https
    error_message = "The load balancer ${var.name} speaks plain HTTP: passwords and data travel as they are. Give it a certificate."
  }
}
