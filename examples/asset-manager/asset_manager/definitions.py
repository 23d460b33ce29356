"""What the code location ``asset_manager`` defines; webserver and daemon load it themselves."""

import dagster as dg

days = dg.DailyPartitionsDefinition(start_date="2026-01-01")


@dg.asset(partitions_def=days)
def snowflake_cache(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """What was read of one day; the real one comes from Snowflake."""
    print(f"cache of {context.partition_key}")
    return dg.MaterializeResult(metadata={"day": context.partition_key})


refresh = dg.define_asset_job("refresh", selection=[snowflake_cache])


@dg.schedule(
    job=refresh, cron_schedule="0 6 * * *", execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING
)
def daily_snowflake_cache_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Reads the day before."""
    return dg.RunRequest(partition_key=days.get_last_partition_key(context.scheduled_execution_time))


@dg.sensor(job=refresh, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def partition_sync_sensor() -> dg.SkipReason:
    """Looks for days that were never read."""
    return dg.SkipReason("every day was read")


defs = dg.Definitions(
    assets=[snowflake_cache],
    jobs=[refresh],
    schedules=[daily_snowflake_cache_schedule],
    sensors=[partition_sync_sensor],
)
