"""An S3 server with one empty bucket: serve.py PORT BUCKET. Everything is in its memory. It prints "ready" when a
client may come, and ends when told to.

Each request has a thread of its own, and moto looks whether an object is there before it puts it: that a conditional put
is one step, as in S3, is seen to here.
"""

import logging
import sys
import threading

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

port, bucket = int(sys.argv[1]), sys.argv[2]
logging.getLogger("werkzeug").setLevel(logging.ERROR)
imitation = DomainDispatcherApplication(create_backend_app)
one_at_a_time = threading.Lock()


def answer(environment, start_response):
    if environment["REQUEST_METHOD"] != "PUT":
        return imitation(environment, start_response)
    with one_at_a_time:
        return imitation(environment, start_response)


server = make_server("127.0.0.1", port, answer, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{port}",
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
client.create_bucket(Bucket=bucket)
print("ready", flush=True)
threading.Event().wait()
