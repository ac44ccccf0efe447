"""Pure: what must exist, what exists, what to do about it, and what policies let through."""
