"""A headless Chromium, spoken to through pipes in the words of the DevTools protocol: no port is opened.

    with chromium(*flags) as browser:
        browser.ask("Page.navigate", url=…)

`browser.events` keeps what came in between.
"""
import contextlib, json, os, select, shutil, subprocess, sys, tempfile, time

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


class Browser:
    def __init__(self, program, folder, more):
        inward, self.out = os.pipe()
        self.inside, outward = os.pipe()
        # The browser reads from 3 and writes to 4.
        wiring = f"exec 3<&{inward} 4>&{outward}; exec \"$0\" \"$@\""
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
                 "--remote-debugging-pipe", f"--user-data-dir={folder}", *more, "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", wiring, program, *flags], pass_fds=(inward, outward), stderr=subprocess.DEVNULL)
        os.close(inward), os.close(outward)
        self.number, self.session, self.events, self.rest = 0, None, [], b""

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.inside, 1 << 16)
            if not piece:
                sys.exit("browser: it ended")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            sys.exit(f"browser: {method}: {answer['error']}")
        return answer["result"]

    def page(self, *domains):
        """A page of its own, with these domains of the protocol enabled; what is asked from here on is about it."""
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in domains:
            self.ask(f"{domain}.enable")

    def wait(self, method, fits=lambda params: True, seconds=None):
        """The parameters of the first such event, of those that came and those to come; None when none came in time."""
        end, looked = time.monotonic() + (seconds or 1e9), 0
        while True:
            for event in self.events[looked:]:
                if event.get("method") == method and fits(event.get("params", {})):
                    return event["params"]
            looked = len(self.events)
            left = end - time.monotonic()
            if left <= 0 or (b"\0" not in self.rest and not select.select([self.inside], [], [], left)[0]):
                return None
            self.events.append(self.read())


@contextlib.contextmanager
def chromium(*flags):
    program = next(filter(None, map(shutil.which, PROGRAMS)), None) or sys.exit("browser: no Chromium is installed; scripts/setup installs it")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(program, folder, flags)
        try:
            yield browser
        finally:
            browser.process.terminate()
            browser.process.wait()
