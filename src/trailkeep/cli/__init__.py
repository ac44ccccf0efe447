"""The command line: arguments in, workflow, output; one module per verb, no logic."""
