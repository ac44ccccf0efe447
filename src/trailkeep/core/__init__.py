"""Values that every layer speaks of: verdicts, errors, ARNs, S3 keys, time ranges, configuration.

Pure: no files, network, clock, environment, randomness or threads.
"""
