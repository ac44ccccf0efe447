"""What is asked together: one page of the console, one step of a pipeline, one wake-up of a machine."""

from __future__ import annotations

from trailkeep.sandbox.stage import calls_account as account
from trailkeep.sandbox.stage import calls_compute as compute
from trailkeep.sandbox.stage import calls_data as data
from trailkeep.sandbox.stage.templates import Call

__all__ = [
    "CLI_PAGES",
    "CONSOLE_PAGES",
    "DEPLOY_PAGES",
    "FUNCTION_JOBS",
    "INSTANCE_JOBS",
    "LEGACY_JOBS",
    "TERRAFORM_PAGES",
    "VENDOR_JOBS",
    "WRITE_PAGES",
]

Page = tuple[Call, ...]

CONSOLE_PAGES: tuple[Page, ...] = (
    (compute.INSTANCES, compute.GROUPS, compute.VPCS, compute.ZONES, account.ALARMS),
    (compute.INSTANCES, compute.ONE_INSTANCE, compute.TAGS, compute.VOLUMES, compute.SUBNETS),
    (data.BUCKETS, data.LOCATION, data.PUBLIC_ACCESS),
    (data.LOCATION, data.ACL, data.POLICY, data.VERSIONING, data.ENCRYPTION, data.TAGGING),
    (account.ROLES, account.ACCOUNT_SUMMARY, account.ROLE, account.ATTACHED),
    (account.LOG_GROUPS, account.LOG_QUERY),
    (compute.LIST_STACKS, compute.STACKS, compute.STACK_EVENTS),
    (compute.FUNCTIONS, compute.FUNCTION, account.LOG_GROUPS),
    (data.DATABASES, account.METRICS, account.ALARMS),
    (account.EVENT_COUNTS, account.HUBS, account.COSTS),
    (data.SECRETS, data.SECRET, data.DECRYPT_SECRET),
    (account.LOOKUP, account.TRAILS),
    (compute.PARAMETERS, compute.SLOW_DOWN, compute.PARAMETERS),
    (data.NO_BUCKET_POLICY, data.NO_KEY),
)
CLI_PAGES: tuple[Page, ...] = (
    (account.IDENTITY,),
    (account.IDENTITY, compute.INSTANCES),
    (data.BUCKETS,),
    (compute.STACKS, compute.STACK_EVENTS),
    (compute.PARAMETER, data.DECRYPT_PARAMETER),
    (account.LOG_GROUPS, account.LOG_QUERY),
    (data.SECRET, data.DECRYPT_SECRET),
    (compute.NO_STACK, compute.STACKS),
    (compute.NO_PARAMETER,),
    (data.DATABASE, compute.SNAPSHOTS),
    (compute.FUNCTION, compute.IMAGES),
    (account.USERS, account.NO_USER),
    (compute.NO_RUN,),
    (data.ALIASES, data.DECRYPT),
)
WRITE_PAGES: tuple[Page, ...] = (
    (compute.ONE_INSTANCE, compute.STOP),
    (compute.START_SESSION,),
    (compute.SEND_COMMAND,),
    (compute.GROUPS, compute.OPEN_PORT),
    (compute.CREATE_TAGS,),
    (data.SECRET, data.PUT_SECRET),
    (data.DATABASE, data.DB_SNAPSHOT),
    (account.LOG_GROUPS, account.RETENTION),
    (account.ROLE, account.ATTACH),
    (data.TAGGING, data.PUT_TAGGING),
    (compute.SUBNETS, compute.RUN),
)
TERRAFORM_PAGES: tuple[Page, ...] = (
    (
        account.IDENTITY,
        data.LOCATION,
        data.ACL,
        data.POLICY,
        data.VERSIONING,
        data.ENCRYPTION,
        data.TAGGING,
        data.LIFECYCLE,
    ),
    (account.ROLE, account.ROLE_POLICIES, account.ATTACHED, account.NO_ROLE),
    (compute.VPCS, compute.SUBNETS, compute.ROUTES, compute.GROUPS, compute.ZONES),
    (compute.VOLUMES, compute.GONE_VOLUME, compute.SNAPSHOTS),
    (compute.FUNCTION, data.TABLE, account.LOG_GROUPS, compute.PARAMETER, data.DECRYPT_PARAMETER),
)
DEPLOY_PAGES: tuple[Page, ...] = (
    (compute.CHANGE_SET, compute.STACKS, compute.EXECUTE, compute.UPDATE_CODE_BY_STACK, compute.STACK_EVENTS),
    (compute.UPDATE_CODE, compute.FUNCTION),
    (compute.REGISTRY_TOKEN, compute.IMAGES),
)
INSTANCE_JOBS: tuple[Page, ...] = (
    (compute.HEARTBEAT,),
    (compute.HEARTBEAT,),
    (data.DECRYPT,),
    (data.DATA_KEY,),
    (data.SECRET, data.DECRYPT_SECRET),
    (compute.TAGS, compute.ONE_INSTANCE),
    (account.LOG_STREAM,),
    (compute.PARAMETER, data.DECRYPT_PARAMETER),
)
FUNCTION_JOBS: tuple[Page, ...] = (
    (account.LOG_STREAM,),
    (data.DECRYPT, data.DECRYPT),
    (data.DATA_KEY,),
    (compute.PARAMETER, data.DECRYPT_PARAMETER),
    (data.SECRET, data.DECRYPT_SECRET),
    (data.TABLE,),
    (compute.INTERFACE,),
)
LEGACY_JOBS: tuple[Page, ...] = (
    (account.IDENTITY, data.BUCKETS),
    (compute.SNAPSHOTS, compute.SNAPSHOT),
    (data.LOCATION, data.DATA_KEY),
    (data.DATABASES,),
)
VENDOR_JOBS: tuple[Page, ...] = (
    (compute.INSTANCES, compute.VOLUMES, compute.TAGS),
    (account.METRICS, account.ALARMS),
    (compute.FUNCTIONS, data.DATABASES, data.TABLE),
    (data.BUCKETS, data.TAGGING, account.ORGANIZATION),
)
