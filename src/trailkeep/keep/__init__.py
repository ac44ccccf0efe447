"""Pure: the bytes of a log become rows, and nothing is lost on the way."""
