"""Two people in a video room of Janus, one of them also in its echo test: real ICE, DTLS and media.

usage: client.py http://127.0.0.1:8088/janus OPAQUE-ID

Prints `connected` once all media flows, keeps it flowing until SIGTERM, then hangs up and leaves in order.
"""

import asyncio
import itertools
import json
import signal
import sys
import threading
import urllib.request

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack

ROOM = 1234
# Longer than anything takes on a busy machine: a client whose test has gone must end by itself.
LIFE_SECONDS = 240

transactions = itertools.count(1)


def request(url, message=None):
    data = None if message is None else json.dumps(message).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


class Session:
    """A session of Janus, with the long poll that brings its events."""

    async def start(self, base):
        created = await asyncio.to_thread(request, base, self.message("create"))
        self.url = f"{base}/{created['data']['id']}"
        self.waiting = {}
        # Janus holds a poll for half a minute, which nobody should wait for at the end.
        loop = asyncio.get_running_loop()
        threading.Thread(target=self.poll, args=[loop], daemon=True).start()
        return self

    def message(self, kind, **more):
        return {"janus": kind, "transaction": str(next(transactions)), **more}

    def poll(self, loop):
        while True:
            try:
                event = request(f"{self.url}?maxev=1")
            except OSError:
                return  # the session has ended
            loop.call_soon_threadsafe(self.hear, event)

    def hear(self, event):
        answered = self.waiting.pop(event.get("transaction"), None)
        if answered:
            answered.set_result(event)

    async def attach(self, plugin, opaque_id):
        message = self.message("attach", plugin=f"janus.plugin.{plugin}", opaque_id=opaque_id)
        attached = await asyncio.to_thread(request, self.url, message)
        return f"{self.url}/{attached['data']['id']}"

    async def ask(self, handle, body, jsep=None):
        """What the plugin answers, at once or by an event."""
        message = self.message("message", body=body, **({"jsep": jsep} if jsep else {}))
        event = self.waiting[message["transaction"]] = asyncio.get_running_loop().create_future()
        answer = await asyncio.to_thread(request, handle, message)
        if answer["janus"] == "ack":
            answer = await event
        data = answer["plugindata"]["data"]
        if "error" in data:
            raise RuntimeError(f"{body}: {data}")
        return answer

    async def end(self):
        await asyncio.to_thread(request, self.url, self.message("destroy"))


def peer():
    # No STUN: both ends are on this machine.
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def described(connection):
    description = connection.localDescription
    return {"type": description.type, "sdp": description.sdp, "trickle": False}


async def offer(session, handle, connection, body):
    await connection.setLocalDescription(await connection.createOffer())
    answer = await session.ask(handle, body, described(connection))
    await connection.setRemoteDescription(RTCSessionDescription(answer["jsep"]["sdp"], answer["jsep"]["type"]))
    return answer


async def heard(tracks, count):
    """Returns when `count` tracks have each brought a frame; reads on in the background."""
    first = asyncio.Queue()

    async def drain(track):
        await track.recv()
        first.put_nowait(track)
        while True:
            await track.recv()

    draining = [asyncio.create_task(drain(await tracks.get())) for _ in range(count)]
    for _ in range(count):
        await first.get()
    return draining


async def is_published(session, handle, feed):
    answer = await session.ask(handle, {"request": "listparticipants", "room": ROOM})
    participants = answer["plugindata"]["data"]["participants"]
    return any(one["id"] == feed and one["publisher"] for one in participants)


def listening(connection):
    tracks = asyncio.Queue()
    connection.on("track", tracks.put_nowait)
    return tracks


async def main(base, opaque_id):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    alice, bob = await Session().start(base), await Session().start(base)

    publishing = await alice.attach("videoroom", opaque_id)
    joined = await alice.ask(publishing, {"request": "join", "ptype": "publisher", "room": ROOM, "display": "alice"})
    feed = joined["plugindata"]["data"]["id"]
    sent = peer()
    sent.addTrack(AudioStreamTrack())
    sent.addTrack(VideoStreamTrack())
    await offer(alice, publishing, sent, {"request": "publish"})

    # Janus lets nobody subscribe before the publisher's media is set up.
    while not await is_published(alice, publishing, feed):
        await asyncio.sleep(0.1)
    subscribing = await bob.attach("videoroom", opaque_id)
    offered = await bob.ask(
        subscribing, {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}]}
    )
    received = peer()
    seen = listening(received)
    await received.setRemoteDescription(RTCSessionDescription(offered["jsep"]["sdp"], offered["jsep"]["type"]))
    await received.setLocalDescription(await received.createAnswer())
    await bob.ask(subscribing, {"request": "start"}, described(received))

    echoing = await bob.attach("echotest", opaque_id)
    echo = peer()
    echoed = listening(echo)
    echo.addTrack(AudioStreamTrack())
    await offer(bob, echoing, echo, {"audio": True, "video": False})

    draining = await heard(seen, 2) + await heard(echoed, 1)
    print("connected", flush=True)
    await stop.wait()

    await asyncio.to_thread(request, echoing, bob.message("hangup"))
    for task in draining:
        task.cancel()
    for connection in (echo, received, sent):
        await connection.close()
    await bob.end()
    await alice.end()


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), LIFE_SECONDS))
