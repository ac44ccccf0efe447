"""How each kind of question is put to ``trailkeep``."""

from __future__ import annotations

__all__ = ["FIELDS", "NAMES_SQL", "WORDS"]

FIELDS = {
    "event_id": "event-id",
    "access_key": "access-key",
    "event_name": "event-name",
    "role": "principal",
    "text": "text",
}
NAMES_SQL = "SELECT event_name, count(*) AS events FROM events GROUP BY event_name ORDER BY events DESC"
WORDS = {
    "event_id": "one event by its id",
    "access_key": "all events of an access key",
    "event_name": "all StopLogging events",
    "role": "all events of a role's sessions",
    "text": "text anywhere in the record",
    "names": "count by event name",
}
