"""One module per verb; each takes its adapters as arguments."""
