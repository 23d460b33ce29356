variables {
  region    = "ap-southeast-2"
  services  = { daemon = { cpu = 256, memory = 512 }, webserver = { cpu = 256, memory = 512 } }
  namespace = false
}

run "prices_what_one_calls_three_to_five_dollars" {
  assert {
    condition     = output.monthly.total == 17.3 && length(output.monthly.unpriced) == 0 && length(output.monthly.lines) == 2
    error_message = "two quarter processors with half a GB in Sydney: 17.30"
  }
}

run "prices_three_services_on_x86" {
  variables {
    region       = "us-east-1"
    architecture = "X86_64"
    services     = { code = { cpu = 512, memory = 2048 }, daemon = { cpu = 512, memory = 2048 }, webserver = { cpu = 512, memory = 2048 } }
  }

  assert {
    condition     = output.monthly.total == 63.78
    error_message = "63.78"
  }
}

run "prices_what_stands_around" {
  variables {
    region        = "us-east-1"
    services      = { webserver = { cpu = 256, memory = 512, count = 2 } }
    public_tasks  = true
    load_balancer = { zones = 2, public = true }
    nat_gateways  = 1
    database      = { class = "db.t4g.micro", gb = 20, multi_az = true }
    secrets       = 2
    namespace     = true
  }

  assert {
    condition     = output.monthly.lines["Public addresses: 5"] == 18.25
    error_message = "two tasks, one gateway, two of the load balancer"
  }
  assert {
    condition     = output.monthly.lines["Load balancer"] == 16.42 && output.monthly.lines["NAT gateways: 1"] == 32.85 && output.monthly.lines["Secrets: 2"] == 0.8 && output.monthly.lines["DNS namespace"] == 0.5
    error_message = "by the hour and by the month"
  }
  assert {
    condition     = output.monthly.lines["Database: 2 × db.t4g.micro"] == 23.36 && output.monthly.lines["Database: 2 × 20 GB"] == 4.6
    error_message = "two instances, two disks"
  }
  assert {
    condition     = output.monthly.total == 111.2 && length(output.monthly.unpriced) == 0
    error_message = "the sum of its lines"
  }
}

run "names_what_it_has_no_price_for" {
  variables {
    region        = "eu-north-1"
    load_balancer = { zones = 2, public = false }
  }

  assert {
    condition     = length(output.monthly.unpriced) == 3 && output.monthly.total == 0
    error_message = "nothing is guessed"
  }
}

run "takes_your_prices" {
  variables {
    region   = "eu-north-1"
    services = { daemon = { cpu = 1024, memory = 1024 } }
    prices   = { ARM64 = { vcpu = 0.1, gb = 0.01 } }
  }

  assert {
    condition     = output.monthly.total == 80.3
    error_message = "0.11 an hour"
  }
}
