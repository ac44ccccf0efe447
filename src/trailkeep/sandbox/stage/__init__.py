"""Who acts in the synthetic organization, what they call, and how CloudTrail writes it down.

``events`` plays it. From the bottom up: ``dice`` (chance and identifiers), ``templates`` (the form of a
record), ``identities``, ``calls_*`` (the calls of a day), ``routines`` (what is asked together), ``premises``
(what an account owns), ``voice`` (a caller with credentials), ``signin`` (how callers get them), ``people``
(the cast), ``actors`` and ``services`` (who takes turns), ``plot``, ``intrusion``, ``chronicle`` (the story).
"""
