#!/usr/bin/env python3
"""Opens WebSockets in a headless Chromium that trusts the vault's own key alone, and says how far they got.

    page.py knock PORT SPKI            the socket of a page of another site, then the same of a page of the vault's
    page.py control PORT SPKI TOKEN    the Control UI's own socket

SPKI: base64 of the SHA-256 of the certificate's public key. `knock` prints a line for each: the page's origin and the status
of the upgrade. `control` prints what the gateway answers the page, each time that is another answer, until it is "hello-ok":
a browser that is new has to be approved meanwhile. Exit 1 if that does not come within two minutes.
"""
import base64
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from chromium import chromium  # noqa: E402

FOREIGN = "https://evil.example/"


def open_foreign(browser):
    """A page of another site: put into the browser's hand, so no server and no name is needed."""
    browser.ask("Fetch.enable", patterns=[{"urlPattern": f"{FOREIGN}*"}])
    browser.ask("Runtime.evaluate", expression=f"setTimeout(() => location.assign({json.dumps(FOREIGN)}), 0)")
    asked = browser.wait("Fetch.requestPaused", seconds=30)
    browser.ask("Fetch.fulfillRequest", requestId=asked["requestId"], responseCode=200, body=base64.b64encode(b"a page").decode(),
                responseHeaders=[{"name": "Content-Type", "value": "text/html"}])


def knock(browser, port):
    for page in (FOREIGN, f"https://127.0.0.1:{port}/favicon.svg"):
        browser.page("Network", "Page")
        browser.events.clear()
        open_foreign(browser) if page == FOREIGN else browser.ask("Page.navigate", url=page)
        browser.wait("Page.loadEventFired", seconds=30)
        answer = browser.ask("Runtime.evaluate", awaitPromise=True, returnByValue=True, expression=f"""new Promise((done) => {{
            const socket = new WebSocket("wss://127.0.0.1:{port}/");
            socket.onopen = () => done(location.origin + " open");
            socket.onerror = () => done(location.origin + " refused"); }})""")["result"]["value"]
        said = browser.wait("Network.webSocketHandshakeResponseReceived", seconds=5)
        failed = browser.wait("Network.webSocketFrameError", seconds=0.1)
        print(answer, said["response"]["status"] if said else failed and failed["errorMessage"], flush=True)


def answers(browser, address):
    """What the gateway answers to the page's `connect`, each time that the page is loaded."""
    while True:
        browser.events.clear()
        browser.ask("Page.navigate", url="about:blank")   # with another fragment alone nothing would be loaded
        browser.ask("Page.navigate", url=address)
        frame = browser.wait("Network.webSocketFrameReceived", lambda event: '"type":"res"' in event["response"]["payloadData"], 20)
        answer = json.loads(frame["response"]["payloadData"]) if frame else {}
        yield "hello-ok" if answer.get("ok") else (answer.get("error", {}).get("details") or {}).get("code", "no answer")
        time.sleep(2)


def control(browser, port, token):
    browser.page("Network", "Page")
    said, end = None, time.monotonic() + 120
    for answer in answers(browser, f"https://127.0.0.1:{port}/#token={token}"):
        if answer != said:
            print(answer, flush=True)
        if (said := answer) == "hello-ok":
            return
        if time.monotonic() > end:
            sys.exit(1)


def main(what, port, spki, *more):
    # The browser's own guard of the local network would keep the foreign page away before it asks; not every browser has one.
    with chromium(f"--ignore-certificate-errors-spki-list={spki}", "--disable-features=LocalNetworkAccessChecks") as browser:
        {"knock": knock, "control": control}[what](browser, port, *more)


main(*sys.argv[1:])
