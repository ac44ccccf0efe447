"""Effects on the lake: the Iceberg table of events and the ledger of source objects."""
