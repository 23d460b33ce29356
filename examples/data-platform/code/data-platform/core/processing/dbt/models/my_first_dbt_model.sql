{{ config(materialized="incremental") }}
select '{{ invocation_id }}' as invocation, current_timestamp as built_at
