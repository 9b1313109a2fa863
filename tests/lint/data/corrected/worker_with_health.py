# worker_with_health.py
import os
import threading
from http.server import HTTPServer, BaseHTTPRequestHandler
from app.core.celery_app import celery_app
from app.core import progress
import logging

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)

class HealthHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/health':
            self.send_response(200 if progress.silence_s() < 20 else 503)
            self.send_header('Content-type', 'text/plain')
            self.end_headers()
            self.wfile.write(b'OK')
        else:
            self.send_response(404)
            self.end_headers()

    def log_message(self, format, *args):
        pass

def run_health_server():
    """Run health check server in background"""
    port = int(os.getenv('PORT', 8080))
    server = HTTPServer(('0.0.0.0', port), HealthHandler)
    logger.info(f"Health check server running on port {port}")
    server.serve_forever()

if __name__ == '__main__':
    health_thread = threading.Thread(target=run_health_server, daemon=True)
    health_thread.start()

    worker_flags = [
        'worker',
        '--loglevel=info',
        '--without-mingle',
        '--without-gossip',
        '--without-heartbeat',
        '--pool=prefork',
        '--concurrency=2',
        '--queues=story_generation,default',
    ]

    celery_app.worker_main(worker_flags)
