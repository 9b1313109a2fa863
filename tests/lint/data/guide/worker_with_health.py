# worker_with_health.py
import os
import threading
import time
from http.server import HTTPServer, BaseHTTPRequestHandler
from celery import Celery
from app.core.celery_app import celery_app
import logging

# Configure logging
logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)

class HealthHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/health':
            self.send_response(200)
            self.send_header('Content-type', 'text/plain')
            self.end_headers()
            self.wfile.write(b'OK')
        else:
            self.send_response(404)
            self.end_headers()

    def log_message(self, format, *args):
        # Suppress default HTTP logs
        pass

def run_health_server():
    """Run health check server in background"""
    port = int(os.getenv('PORT', 8080))
    server = HTTPServer(('0.0.0.0', port), HealthHandler)
    logger.info(f"Health check server running on port {port}")
    server.serve_forever()

if __name__ == '__main__':
    # Start health check server in daemon thread
    health_thread = threading.Thread(target=run_health_server, daemon=True)
    health_thread.start()
    
    # Start Celery worker in main thread with optimized flags
    logger.info("Starting Celery worker with Cloud Run optimizations...")
    
    # Critical flags for Cloud Run stability
    worker_flags = [
        '--loglevel=info',
        '--without-mingle',      # Prevents startup freeze
        '--without-gossip',      # Reduces network overhead
        '--without-heartbeat',   # Prevents heartbeat issues
        '--pool=prefork',        # More stable than threads
        '--concurrency=2',       # Limit concurrent tasks
        '--max-tasks-per-child=100',  # Prevent memory leaks
        '--queues=story_generation,default',
    ]
    
    celery_app.worker_main(worker_flags)
