"""Effects on AWS: the only package that imports boto3 and obstore for the product."""
