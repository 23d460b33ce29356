"""Deal flow: what the code location ``DealFlow`` serves."""

from dagster import Definitions, OpExecutionContext, ScheduleDefinition, asset, job, op, sensor

from app.version import VERSION


@asset
def deals() -> list[str]:
    """Deals that were seen; the real ones come from mail and web searches."""
    return ["one", "two"]


@asset(deps=[deals])
def ranked_deals() -> list[str]:
    """Deals in the order of their score."""
    return ["two", "one"]


@op
def say_version(context: OpExecutionContext) -> str:
    """A constant of the code, not of the environment: what it says is what ran."""
    context.log.info(f"canary of deal-flow {VERSION}")
    return VERSION


@job
def canary() -> None:
    """Proves that a run starts, on the code of this release."""
    say_version()


@job
def collect() -> None:
    """Collects new deals."""
    say_version()


@sensor(job=collect, minimum_interval_seconds=60)
def mailbox(_context):
    """Looks for new mail; off until somebody turns it on."""
    return []


definitions = Definitions(
    assets=[deals, ranked_deals],
    jobs=[canary, collect],
    schedules=[ScheduleDefinition(name="nightly", job=collect, cron_schedule="0 3 * * *", execution_timezone="UTC")],
    sensors=[mailbox],
)
