"""The report: charts of the tables in one HTML file that asks for nothing else.

Belongs here: which charts there are, their queries, drawing them, the page. Does not: the tables
and views that they query (lake/), the command (cli/report.py), the asset (orchestration/assets/).
"""
