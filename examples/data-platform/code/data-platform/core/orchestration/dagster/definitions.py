import os
from pathlib import Path

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource, dbt_assets, get_asset_key_for_model

dbt_project = Path(__file__).parents[1] / "dbt"
# Whoever writes to the warehouse: DuckDB takes one writer, and `concurrency` of dagster.yaml one run of the pool.
pool = "duckdb"


@dbt_assets(manifest=dbt_project / "target" / "manifest.json", pool=pool)
def warehouse(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


@dg.asset(deps=[get_asset_key_for_model([warehouse], "my_first_dbt_model")], pool=pool)
def builds() -> dg.MaterializeResult:
    """How often the first model was built: the table is that of the run before, and one row longer."""
    with duckdb.connect(os.environ["DUCKDB_PATH"], read_only=True) as connection:
        (count,) = connection.execute("select count(*) from my_first_dbt_model").fetchone()
    return dg.MaterializeResult(metadata={"builds": count})


defs = dg.Definitions(
    assets=[warehouse, builds],
    jobs=[dg.define_asset_job("refresh")],
    resources={"dbt": DbtCliResource(project_dir=str(dbt_project), profiles_dir=str(dbt_project))},
)
