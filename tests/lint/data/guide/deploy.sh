# Build image
docker build -t gcr.io/YOUR_PROJECT_ID/storymimi:latest .

# Push to registry
docker push gcr.io/YOUR_PROJECT_ID/storymimi:latest

# Deploy API service
gcloud run deploy storymimi-api \
  --image=gcr.io/YOUR_PROJECT_ID/storymimi:latest \
  --region=us-central1 \
  --platform=managed \
  --allow-unauthenticated \
  --port=8080 \
  --memory=1Gi \
  --cpu=1 \
  --min-instances=1 \
  --max-instances=5 \
  --timeout=300 \
  --vpc-connector=storymimi-connector \
  --update-secrets=REDIS_URL=redis-url:latest \
  --update-env-vars=SERVICE_TYPE=api

# Deploy Worker service
gcloud run deploy storymimi-worker \
  --image=gcr.io/YOUR_PROJECT_ID/storymimi:latest \
  --region=us-central1 \
  --platform=managed \
  --no-allow-unauthenticated \
  --port=8080 \
  --memory=2Gi \
  --cpu=2 \
  --min-instances=1 \
  --max-instances=3 \
  --timeout=3600 \
  --cpu-throttling \
  --vpc-connector=storymimi-connector \
  --update-secrets=REDIS_URL=redis-url:latest \
  --update-env-vars=SERVICE_TYPE=worker
