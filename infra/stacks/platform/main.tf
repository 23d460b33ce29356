data "aws_region" "this" {}

locals {
  stack      = coalesce(var.stack, var.name)
  code_ports = toset([for service in var.services : coalesce(service.port, 4000) if service.kind == "code-location"])
  webserver  = one([for key, service in var.services : key if service.kind == "webserver"])
  # As `gates: reach` in dagster-stack.yml has it: where a webserver has no URL, a task asks Dagster.
  asked_by_task = local.webserver != null && coalesce(var.reach, var.ingress == null ? "task" : "runner") == "task"
  ports = {
    for key, service in var.services : key => (
      service.kind == "daemon" ? null : coalesce(service.port, service.kind == "webserver" ? 3000 : 4000)
    )
  }
  database_secret = [for database in module.database : database.secret]
  existing_database = var.existing_database == null ? null : {
    host            = var.existing_database.host
    port            = var.existing_database.port
    name            = var.existing_database.name
    user            = var.existing_database.user
    user_from       = var.existing_database.user_from
    password        = var.existing_database.password
    security_groups = var.existing_database.security_groups
  }
  database = var.database == null ? local.existing_database : module.database["this"].database
  # Where `egress` opens the port to the world already, AWS would refuse a second rule of the same words.
  to_database = (
    var.existing_database == null ? {} : merge(
      { for group in coalesce(var.existing_database.security_groups, []) : "database ${group}" => { port = var.existing_database.port, security_group = group, cidr = null } },
      { for cidr in local.database_cidrs : "database ${cidr}" => { port = var.existing_database.port, security_group = null, cidr = cidr } },
    )
  )
  database_is_named = length(coalesce(try(var.existing_database.security_groups, null), [])) + length(coalesce(try(var.existing_database.cidrs, null), [])) > 0
  database_cidrs = (
    local.database_is_named ? tolist(coalesce(try(var.existing_database.cidrs, null), [])) :
    contains(keys(var.egress), tostring(try(var.existing_database.port, 0))) ? [] : ["0.0.0.0/0"]
  )
  log_groups    = concat([module.cluster.log_group], [for service in module.service.services : service.log_group])
  service_names = toset([for service in module.service.services : service.service])
  task_roles    = toset(values(module.identity.arns))
  # By the jobs of deploy.yml, preview.yml, rollback.yml and drift.yml: who releases has an environment, who plans or makes images has none.
  commands = {
    for role, commands in {
      deploy = ["deploy", "rollback", "status", "unlock"]
      plan   = ["plan", "status"]
      build  = ["build-push-image"]
    } : role => commands if role != "build" || length(try(var.github.branches, [])) > 0
  }
}

module "network" {
  source = "../../modules/network"
  name   = var.name
  cidr   = var.network.cidr
  zones  = var.network.zones
  nat    = var.network.nat
}

module "cluster" {
  source     = "../../modules/cluster"
  name       = var.name
  vpc_id     = module.network.vpc_id
  task_ports = setunion(local.code_ports, local.asked_by_task ? [local.ports[local.webserver]] : [])
  egress     = var.egress
  egress_to  = local.to_database
}

module "storage" {
  source    = "../../modules/storage"
  bucket    = var.bucket
  protected = var.protected
  file_system = !var.file_system ? null : {
    name       = var.name
    vpc_id     = module.network.vpc_id
    subnets    = module.network.private_subnets
    task_group = module.cluster.security_group
  }
}

module "database" {
  source           = "../../modules/database"
  for_each         = var.database == null ? {} : { this = var.database }
  name             = var.name
  vpc_id           = module.network.vpc_id
  subnets          = values(module.network.private_subnets)
  clients          = merge({ tasks = module.cluster.security_group }, each.value.clients)
  instance_class   = each.value.class
  engine_version   = each.value.engine_version
  storage_gb       = each.value.storage_gb
  backup_days      = each.value.backup_days
  multi_az         = each.value.multi_az
  password_version = each.value.password_version
  recovery_days    = each.value.recovery_days
  protected        = var.protected
}

module "identity" {
  source        = "../../modules/identity"
  name          = var.name
  stack         = var.stack
  cluster       = module.cluster.name
  repositories  = var.repositories
  log_groups    = [module.cluster.log_group, "${module.cluster.log_group}/*"]
  run_log_group = module.cluster.log_group
  bucket        = module.storage.bucket
  read_prefixes = var.read_prefixes
  secrets       = setunion(var.secrets, local.database_secret)
  parameters    = var.parameters
  file_system   = module.storage.file_system
  locations     = var.locations
  # Without a code location, webserver and daemon load the code themselves, and may carry out runs themselves.
  in_process = length(local.code_ports) == 0
}

module "ingress" {
  source                               = "../../modules/ingress"
  for_each                             = var.ingress == null ? {} : { this = var.ingress }
  name                                 = var.name
  vpc_id                               = module.network.vpc_id
  public                               = each.value.public
  subnets                              = values(each.value.public ? module.network.public_subnets : module.network.private_subnets)
  port                                 = each.value.port
  certificate_arn                      = each.value.certificate_arn
  host                                 = each.value.host
  zone_id                              = each.value.zone_id
  sources                              = each.value.sources
  task_group                           = module.cluster.security_group
  target                               = { port = local.ports[local.webserver], health_path = each.value.health_path }
  authentication                       = each.value.authentication
  oidc                                 = var.oidc
  accept_public_without_authentication = each.value.accept_public_without_authentication
  accept_plain_http                    = each.value.accept_plain_http
  protected                            = var.protected
}

module "service" {
  source             = "../../modules/service"
  name               = var.name
  cluster            = module.cluster.name
  subnets            = module.network.task_subnets
  security_groups    = [module.cluster.security_group]
  public_address     = module.network.public_address
  namespace          = module.cluster.namespace
  execution_role_arn = module.identity.arns.execution
  architecture       = var.architecture
  services = {
    for key, service in var.services : key => {
      kind             = service.kind
      service          = service.service
      container        = service.container
      port             = local.ports[key]
      scaling          = service.scaling
      target_group_arn = key == local.webserver ? one([for ingress in module.ingress : ingress.target_group_arn]) : null
    }
  }
}

module "contract" {
  source    = "../../modules/contract"
  name      = var.name
  cluster   = module.cluster.name
  network   = { subnets = module.network.task_subnets, security_groups = [module.cluster.security_group], public_address = module.network.public_address }
  bucket    = { name = module.storage.bucket }
  roles     = module.identity.roles
  log_group = module.cluster.log_group
  database  = local.database
  efs       = module.storage.file_system
  services = {
    for key, service in module.service.services : key => merge(service, {
      url = key == local.webserver ? one([for ingress in module.ingress : ingress.url]) : null
    })
  }
}

module "deploy_role" {
  source       = "../../modules/deploy-role"
  for_each     = var.github == null ? {} : local.commands
  name         = "${var.name}-github-${each.key}"
  stack        = local.stack
  commands     = each.value
  provider_arn = var.github_provider_arn
  trust = {
    repository    = var.github.repository
    owner_id      = var.github.owner_id
    repository_id = var.github.repository_id
    names         = var.github.names
    workflows     = var.github.workflows
    environments  = each.key == "deploy" ? [var.github.environment] : []
    branches      = each.key == "deploy" ? [] : var.github.branches
    pull_requests = each.key == "plan"
  }
  contract            = merge(module.contract.object, { parameter = module.contract.parameter })
  bucket              = { name = module.storage.bucket }
  cluster             = module.cluster.name
  services            = local.service_names
  repositories        = var.repositories
  task_roles          = local.task_roles
  log_groups          = local.log_groups
  asked_by_task       = local.asked_by_task
  scan                = var.github.scan
  create_repositories = var.github.create_repositories
  verify              = var.github.verify
  keep_revisions      = var.github.keep_revisions
}

module "publisher_role" {
  source       = "../../modules/deploy-role"
  for_each     = var.publishers
  name         = "${var.name}-dags-${each.key}"
  stack        = local.stack
  commands     = ["sync-dags"]
  prefixes     = each.value.prefixes
  provider_arn = var.github_provider_arn
  trust = {
    repository    = each.value.repository
    owner_id      = each.value.owner_id
    repository_id = each.value.repository_id
    names         = each.value.names
    environments  = each.value.environments
    branches      = each.value.branches
  }
  contract     = merge(module.contract.object, { parameter = module.contract.parameter })
  bucket       = { name = module.storage.bucket }
  cluster      = module.cluster.name
  services     = []
  repositories = []
  task_roles   = []
  log_groups   = []
}

module "alarms" {
  source        = "../../modules/alarms"
  for_each      = var.alarms == null ? {} : { this = var.alarms }
  name          = var.name
  cluster       = module.cluster.name
  services      = local.service_names
  load_balancer = one([for ingress in module.ingress : ingress.watched])
  database      = one([for database in module.database : { identifier = database.identifier, storage_gb = var.database.storage_gb }])
  notify        = each.value.notify
}

module "cost" {
  source        = "../../modules/cost"
  region        = data.aws_region.this.region
  architecture  = var.architecture
  services      = { for key, service in var.services : key => { cpu = service.cpu, memory = service.memory, count = try(service.scaling.min, 1) } }
  public_tasks  = module.network.public_address
  load_balancer = var.ingress == null ? null : { zones = var.network.zones, public = var.ingress.public }
  nat_gateways  = module.network.nat_gateways
  database      = var.database == null ? null : { class = var.database.class, gb = var.database.storage_gb, multi_az = var.database.multi_az }
  secrets       = length(var.secrets) + (var.database == null ? 0 : 1)
  prices        = var.prices
}
