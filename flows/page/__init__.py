"""What a person sees of a run on Prefect's page: artifacts, progress, log lines, events. Nothing here can fail the work."""
