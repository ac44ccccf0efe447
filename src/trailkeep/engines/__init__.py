"""Query engines behind one small interface."""
