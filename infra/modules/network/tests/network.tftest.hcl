provider "aws" {
  region = "eu-west-1"
}

variables {
  name = "shop"
}

run "stands_in_private_subnets" {
  assert {
    condition     = length(aws_subnet.private) == 2 && toset(output.task_subnets) == toset([for subnet in aws_subnet.private : subnet.id]) && !output.public_address
    error_message = "tasks have no public address"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && output.nat_gateways == 1 && alltrue([for route in aws_route.private : route.nat_gateway_id == aws_nat_gateway.this["eu-west-1a"].id && route.gateway_id == null])
    error_message = "they leave by one gateway"
  }
  assert {
    condition     = alltrue([for subnet in merge(aws_subnet.public, aws_subnet.private) : !subnet.map_public_ip_on_launch])
    error_message = "an address is given on purpose, or not at all"
  }
}

run "stands_apart" {
  assert {
    condition     = length(distinct(concat([for subnet in aws_subnet.public : subnet.cidr_block], [for subnet in aws_subnet.private : subnet.cidr_block]))) == 4
    error_message = "no two subnets share addresses"
  }
  assert {
    condition     = try(length(aws_default_security_group.this.ingress), 0) == 0 && try(length(aws_default_security_group.this.egress), 0) == 0
    error_message = "what has no security group reaches nothing"
  }
}

run "reaches_s3_for_nothing" {
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.s3.route_table_ids) == 3
    error_message = "from every subnet"
  }
}

run "has_a_gateway_in_each_zone" {
  variables {
    nat   = "each"
    zones = 3
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && alltrue([for zone, route in aws_route.private : route.nat_gateway_id == aws_nat_gateway.this[zone].id])
    error_message = "a zone that fails takes no other along"
  }
}

run "does_without_a_gateway" {
  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.private) == 0 && output.public_address
    error_message = "tasks have addresses of their own, and private subnets lead nowhere"
  }
  assert {
    condition     = toset(output.task_subnets) == toset([for subnet in aws_subnet.public : subnet.id])
    error_message = "tasks stand in public subnets"
  }
}

run "refuses_a_network_without_room" {
  command = plan
  variables {
    cidr = "10.0.0.0/24"
  }
  expect_failures = [var.cidr]
}
