#!/usr/bin/env python3
"""Asks Codex's app server, through the vault, for one turn, and says what came of it.

    codex.py PORT TOKEN MODEL TEXT      TOKEN - shows none

Prints the status of the WebSocket's upgrade. After a 101 come the items that were completed, each with its
kind. A message has its text, and in how many pieces that came. Last comes "turn" and its status, with the
error where there is one.
"""
import json
import socket
import sys

from knock import frame, message, secured, upgrade


def send(stream, **said):
    stream.write(frame(json.dumps(said)))
    stream.flush()


def ask(stream, number, method, **params):
    send(stream, id=number, method=method, params=params)
    while (answer := message(stream)).get("id") != number:
        pass
    return answer["result"]


def turn(stream, model, text):
    ask(stream, 1, "initialize", clientInfo={"name": "cellblock-test", "version": "0"})
    send(stream, method="initialized")
    thread = ask(stream, 2, "thread/start", cwd="/sandbox/workspace", model=model)["thread"]["id"]
    ask(stream, 3, "turn/start", threadId=thread, input=[{"type": "text", "text": text}])
    pieces = 0
    while True:
        said = message(stream)
        params = said.get("params", {})
        if said.get("method") == "item/agentMessage/delta":
            pieces += 1
        elif said.get("method") == "item/completed" and params["item"]["type"] == "agentMessage":
            print("agentMessage", params["item"]["text"], pieces, "pieces")
        elif said.get("method") == "item/completed":
            print(params["item"]["type"])
        elif said.get("method") == "turn/completed":
            print("turn", params["turn"]["status"], (params["turn"].get("error") or {}).get("message", ""))
            return


def main(port, token, model, text):
    with secured(socket.create_connection(("127.0.0.1", int(port)), timeout=60)) as connection:
        stream = connection.makefile("rwb")
        status = upgrade(stream, port, "-", *([] if token == "-" else [f"Authorization: Bearer {token}"]))
        print(status)
        if status == "101":
            turn(stream, model, text)


main(*sys.argv[1:])
