"""Pure: what people ask becomes one query."""
