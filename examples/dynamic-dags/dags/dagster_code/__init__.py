"""The DAGs of this repository: a change here is served within a poll, without an image."""

import dagster as dg


@dg.asset
def greeting() -> str:
    return "hello"


@dg.op
def say() -> str:
    return "hello"


@dg.job
def speak():
    say()


defs = dg.Definitions(
    assets=[greeting],
    jobs=[speak],
    schedules=[dg.ScheduleDefinition(name="every_night", job=speak, cron_schedule="0 3 * * *")],
)
