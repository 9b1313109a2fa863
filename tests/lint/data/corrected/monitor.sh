# API logs
gcloud beta run services logs tail storymimi-api --region=us-central1

# Worker logs
gcloud beta run services logs tail storymimi-worker --region=us-central1
