"""The lake: tables as Parquet files, and the catalog through which analysts read them."""
