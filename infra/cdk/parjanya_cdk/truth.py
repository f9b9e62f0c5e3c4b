"""Truth: the tables, their change stream, the objects, and what brings them back. The one stack that must not be lost."""

from __future__ import annotations

from aws_cdk import Aws, Environment, RemovalPolicy, Stack
from aws_cdk import aws_backup as backup
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from parjanya_cdk.bucket import Objects
from parjanya_cdk.declaration import Declaration, Table
from parjanya_cdk.options import Options
from parjanya_cdk.parts import document, title

BACKUP_DAYS = 35
"""As long as point-in-time recovery reaches, but out of reach of whoever can delete a table."""


class TruthStack(Stack):
    """Tables that hold what cannot be derived, and the bucket."""

    def __init__(self, scope: Construct, name: str, declared: Declaration, options: Options, env: Environment) -> None:
        super().__init__(
            scope, name, env=env, termination_protection=True, description="Parjanya: Truth (tables, objects, backup)"
        )
        self.tables = {table.name: make_table(self, table, options) for table in declared.tables if table.durable}
        (changing,) = (table.name for table in declared.tables if table.stream is not None)
        self.changes = self.tables[changing].attr_stream_arn
        """Of the change stream. It is another one whenever the stream was switched off and on, so it is handed on."""
        self.objects = Objects(self, "Objects", declared.bucket, options.place, options.origins)
        _backup(self, [table.attr_arn for table in self.tables.values()], options)


def make_table(scope: Construct, table: Table, options: Options) -> dynamodb.CfnTable:
    """One table, paid by request: an idle system costs what it stores."""
    keys = ((table.partition, "HASH"), (table.sort, "RANGE"))
    made = dynamodb.CfnTable(
        scope,
        f"{title(table.name)}Table",
        table_name=options.place.table(table.name),
        billing_mode="PAY_PER_REQUEST",
        attribute_definitions=[
            dynamodb.CfnTable.AttributeDefinitionProperty(attribute_name=key, attribute_type="S") for key, _ in keys
        ],
        key_schema=[dynamodb.CfnTable.KeySchemaProperty(attribute_name=key, key_type=kind) for key, kind in keys],
        stream_specification=dynamodb.CfnTable.StreamSpecificationProperty(stream_view_type=table.stream)
        if table.stream
        else None,
        time_to_live_specification=dynamodb.CfnTable.TimeToLiveSpecificationProperty(
            attribute_name=table.ttl, enabled=True
        )
        if table.ttl
        else None,
        point_in_time_recovery_specification=dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
            point_in_time_recovery_enabled=table.durable
        ),
        deletion_protection_enabled=table.durable,
    )
    made.apply_removal_policy(RemovalPolicy.RETAIN if table.durable else RemovalPolicy.DESTROY)
    return made


def _backup(scope: Construct, tables: list[str], options: Options) -> None:
    """A copy each night, in a vault that is kept when the stack goes."""
    vault = backup.CfnBackupVault(scope, "Vault", backup_vault_name=f"{options.place.prefix}-truth")
    vault.apply_removal_policy(RemovalPolicy.RETAIN)
    plan = backup.CfnBackupPlan(
        scope,
        "BackupPlan",
        backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
            backup_plan_name=f"{options.place.prefix}-truth",
            backup_plan_rule=[
                backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
                    rule_name="nightly",
                    target_backup_vault=vault.ref,
                    schedule_expression="cron(30 2 * * ? *)",
                    lifecycle=backup.CfnBackupPlan.LifecycleResourceTypeProperty(delete_after_days=BACKUP_DAYS),
                )
            ],
        ),
    )
    role = iam.CfnRole(
        scope,
        "BackupRole",
        assume_role_policy_document=document(
            [{"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}]
        ),
        managed_policy_arns=[f"arn:{Aws.PARTITION}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"],
    )
    backup.CfnBackupSelection(
        scope,
        "BackupSelection",
        backup_plan_id=plan.ref,
        backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
            selection_name="truth", iam_role_arn=role.attr_arn, resources=tables
        ),
    )
