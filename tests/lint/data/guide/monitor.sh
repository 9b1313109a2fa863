# API logs
gcloud logs tail --follow --filter="resource.type=cloud_run_revision AND resource.labels.service_name=storymimi-api"

# Worker logs
gcloud logs tail --follow --filter="resource.type=cloud_run_revision AND resource.labels.service_name=storymimi-worker"
