# Build image
docker build -t us-central1-docker.pkg.dev/YOUR_PROJECT_ID/storymimi/app:latest .

# Push to registry
docker push us-central1-docker.pkg.dev/YOUR_PROJECT_ID/storymimi/app:latest

# Deploy API service
gcloud run deploy storymimi-api \
  --image=us-central1-docker.pkg.dev/YOUR_PROJECT_ID/storymimi/app:latest \
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
  --image=us-central1-docker.pkg.dev/YOUR_PROJECT_ID/storymimi/app:latest \
  --region=us-central1 \
  --platform=managed \
  --no-allow-unauthenticated \
  --port=8080 \
  --memory=2Gi \
  --cpu=2 \
  --min-instances=1 \
  --max-instances=3 \
  --no-cpu-throttling \
  --vpc-connector=storymimi-connector \
  --update-secrets=REDIS_URL=redis-url:latest \
  --update-env-vars=SERVICE_TYPE=worker
