"""Moving a data folder to a bucket: what there is, copying it, comparing it, and who may work."""
