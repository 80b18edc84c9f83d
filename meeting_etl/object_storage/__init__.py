"""Files and tables in object storage: a bucket of S3, Google Cloud Storage or Azure.

Belongs here: objects by name, the logs of Delta tables, and the only importers of obstore and
deltalake, which the extra `cluster` installs. Does not: what is stored (lake/).
"""
