output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "public_subnets" {
  description = "Ids of the public subnets, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "private_subnets" {
  description = "Ids of the private subnets, by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "task_subnets" {
  description = "Where tasks stand: in private subnets when these have a way out, else in public ones."
  value       = var.nat == "none" ? [for subnet in aws_subnet.public : subnet.id] : [for subnet in aws_subnet.private : subnet.id]
}

output "public_address" {
  description = "Whether tasks need addresses of their own."
  value       = var.nat == "none"
}

output "nat_gateways" {
  description = "How many NAT gateways there are; each is billed by the hour."
  value       = length(local.gateways)
}
