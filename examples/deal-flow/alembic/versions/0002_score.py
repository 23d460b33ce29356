"""Give each deal a score."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("deals", sa.Column("score", sa.Float, nullable=True))


def downgrade() -> None:
    op.drop_column("deals", "score")
