"""Amazon Resource Names, read and written.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

from dataclasses import dataclass

from trailkeep.core.errors import UsageError

__all__ = ["Arn", "trail_arn"]

_SEGMENTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """The six segments of an ARN; ``resource`` may hold ``:`` and ``/``."""

    partition: str
    service: str
    region: str
    account_id: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Read an ARN.

        >>> Arn.parse("arn:aws:s3:::logs/AWSLogs/x").resource
        'logs/AWSLogs/x'

        Raises:
            UsageError: the text is not an ARN.
        """
        parts = text.split(":", _SEGMENTS - 1)
        if len(parts) != _SEGMENTS or parts[0] != "arn":
            raise UsageError(
                f"{text!r}: expected an ARN (arn:partition:service:region:account:resource); "
                "copy it from the AWS console or CLI"
            )
        _, partition, service, region, account_id, resource = parts
        return cls(
            partition=partition, service=service, region=region, account_id=account_id, resource=resource
        )

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def trail_arn(*, partition: str, region: str, account_id: str, name: str) -> str:
    """Return the ARN of a trail; for an organization trail the account is the management account.

    >>> trail_arn(partition="aws", region="eu-central-1", account_id="111111111111", name="org-trail")
    'arn:aws:cloudtrail:eu-central-1:111111111111:trail/org-trail'
    """
    return f"arn:{partition}:cloudtrail:{region}:{account_id}:trail/{name}"
