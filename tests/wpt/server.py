"""Serves a web-platform-tests checkout for `cargo xtask wpt`, with `wptserve` and `pywebsocket3` from PyPI.

It serves files as the checkout's own server does: it fills in templates, runs Python handlers, and generates the page for a
test that is only a script. With `--class`, each page and worker starts with that classic script, which replaces the global
`WebSocket`. `--host` is the host name of all addresses.

The first line of standard output is the ports, as JSON. All are on the loopback interface.
"""

import argparse
import json
import logging
import os
import re
import ssl
import subprocess
import sys
import threading
import uuid
from html import escape

from pywebsocket3 import standalone
from wptserve import handlers, stash
from wptserve.pipes import template
from wptserve.server import WebTestHttpd
from wptserve.utils import HTTPException

OTHER_HOST = "not-web-platform.test"
SUBDOMAINS = ["www", "www1", "www2", "www1.www2", "天気の良い日", "élève"]
CLASS_PATH = "/samesocket.js"
REPORT_PATH = "/resources/testharnessreport.js"
META = re.compile(rb"^//\s*META:\s*(\w*)=(.*)$")

WINDOW = """<!doctype html>
<meta charset=utf-8>
{head}
<script>self.GLOBAL = {{ isWindow: () => true, isWorker: () => false, isShadowRealm: () => false }};</script>
<script src="/resources/testharness.js"></script>
<script src="/resources/testharnessreport.js"></script>
{scripts}
<div id=log></div>
<script src="{script}{query}"></script>
"""

WORKER_PAGE = """<!doctype html>
<meta charset=utf-8>
{head}
<script src="/resources/testharness.js"></script>
<script src="/resources/testharnessreport.js"></script>
<div id=log></div>
<script>
const script = {script};
{start}
</script>
"""

STARTS = {
    "worker": "fetch_tests_from_worker(new Worker(script));",
    "sharedworker": "fetch_tests_from_worker(new SharedWorker(script));",
    "serviceworker": """(async () => {
  const scope = "does/not/exist";
  await (await navigator.serviceWorker.getRegistration(scope))?.unregister();
  const registration = await navigator.serviceWorker.register(script, { scope });
  fetch_tests_from_worker(registration.installing);
})();""",
}

WORKER = """self.GLOBAL = {{ isWindow: () => false, isWorker: () => true, isShadowRealm: () => false }};
importScripts("/resources/testharness.js");
{scripts}
importScripts("{script}");
done();
"""


class Config(dict):
    """The configuration for templates and handlers."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Pages:
    """Generates pages and scripts from the files of the checkout."""

    def __init__(self, root, class_script):
        self.root = root
        self.class_script = class_script

    def file(self, path):
        path_on_disk = os.path.normpath(os.path.join(self.root, path.lstrip("/")))
        if not path_on_disk.startswith(self.root + os.sep) or not os.path.isfile(path_on_disk):
            raise HTTPException(404)
        return path_on_disk

    def meta(self, path):
        """Returns the `META` pairs at the start of a script."""
        pairs = []
        with open(self.file(path), "rb") as lines:
            for line in lines:
                found = META.match(line.rstrip())
                if found:
                    pairs.append(tuple(part.decode("utf-8") for part in found.groups()))
                elif line.strip() and not line.startswith(b"//"):
                    break
        return pairs

    def head(self, meta):
        timeout = [f'<meta name="timeout" content="{escape(value)}">' for key, value in meta if key == "timeout"]
        return "\n".join([self.class_tag(), *timeout])

    def class_tag(self):
        return f'<script src="{CLASS_PATH}"></script>' if self.class_script else ""

    def class_import(self):
        return f'importScripts("{CLASS_PATH}");\n' if self.class_script else ""

    def window(self, request, response):
        """Generates `x.any.html` or `x.window.html` from the script of that name."""
        script = request.url_parts.path[: -len("html")] + "js"
        meta = self.meta(script)
        tags = [f'<script src="{escape(value)}"></script>' for key, value in meta if key == "script"]
        return self.html(WINDOW.format(head=self.head(meta), scripts="\n".join(tags), script=script, query=query(request)))

    def worker_page(self, request, response):
        """Generates `x.any.worker.html`, `x.worker.html` and the like, for each kind of worker."""
        path = request.url_parts.path
        base, kind, _ = path.rsplit(".", 2)
        if base.endswith(".any"):
            meta, script = self.meta(f"{base}.js"), f"{base}.worker.js"
        else:
            meta, script = self.meta(f"{base}.worker.js"), f"{base}.worker.js"
        page = WORKER_PAGE.format(head=self.head(meta), script=json.dumps(script + query(request)), start=STARTS[kind])
        return self.html(page)

    def worker(self, request, response):
        """Generates `x.any.worker.js` from `x.any.js`, or reads `x.worker.js`."""
        path = request.url_parts.path
        if not path.endswith(".any.worker.js"):
            with open(self.file(path), "rb") as script:
                return self.script(self.class_import().encode() + script.read(), path, request)
        script = path[: -len("worker.js")] + "js"
        imports = [f'importScripts("{value}");' for key, value in self.meta(script) if key == "script"]
        text = self.class_import() + WORKER.format(scripts="\n".join(imports), script=script)
        return self.script(text.encode(), "", request)

    def page(self, request, response):
        """Serves a page of the checkout, with the class inserted before every other script."""
        path = request.url_parts.path
        path_on_disk = self.file(path)
        with open(path_on_disk, "rb") as page:
            content = page.read()
        if ".sub." in path or "pipe=sub" in request.url_parts.query:
            content = template(request, content)
        tag = self.class_tag().encode()
        content, count = re.subn(rb"(?i)^(\s*<!doctype[^>]*>)", lambda found: found[1] + tag, content, count=1)
        if not count:
            content = tag + content
        headers = [(name.decode(), value.decode()) for name, value in handlers.load_headers(request, path_on_disk)]
        return [("Content-Type", "text/html"), *headers], content

    def report(self, request, response):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.js"), "rb") as script:
            return self.script(script.read(), "", request)

    def class_file(self, request, response):
        if not self.class_script:
            raise HTTPException(404)
        with open(self.class_script, "rb") as script:
            return self.script(script.read(), "", request)

    @staticmethod
    def html(text):
        return [("Content-Type", "text/html; charset=utf-8")], text

    @staticmethod
    def script(content, path, request):
        if ".sub." in path:
            content = template(request, content, escape_type="none")
        return [("Content-Type", "text/javascript")], content


def query(request):
    return f"?{request.url_parts.query}" if request.url_parts.query else ""


def routes(pages):
    """Returns the routes. The first match wins."""
    answer = handlers.handler
    table = [
        ("GET", REPORT_PATH, answer(pages.report)),
        ("GET", CLASS_PATH, answer(pages.class_file)),
        *(("GET", f"*.{kind}.html", answer(pages.worker_page)) for kind in STARTS),
        ("GET", "*.any.html", answer(pages.window)),
        ("GET", "*.window.html", answer(pages.window)),
        ("GET", "*.worker.js", answer(pages.worker)),
        ("GET", "*.asis", handlers.AsIsHandler()),
        ("*", "*.py", handlers.PythonScriptHandler()),
    ]
    if pages.class_script:
        table += [("GET", "*.html", answer(pages.page)), ("GET", "*.htm", answer(pages.page))]
    return [*table, ("GET", "*", handlers.FileHandler())]


class WebSockets(standalone.WebSocketServer):
    """A pywebsocket3 server with the checkout's handlers, over TLS if there is a TLS context."""

    def __init__(self, root, context):
        arguments = ["-H", "127.0.0.1", "-p", "0", "-d", root, "-w", os.path.join(root, "websockets", "handlers")]
        options, _ = standalone._parse_args_and_config(arguments)
        options.cgi_directories = []
        options.is_executable_method = None
        super().__init__(options)
        if context:
            # pywebsocket3 uses `ssl.wrap_socket`, which newer versions of Python have removed.
            wrapped = [context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) for plain, _ in self._sockets]
            self._sockets = [(tls, address) for tls, (_, address) in zip(wrapped, self._sockets)]
            options.use_tls = True

    def get_request(self):
        return self.socket.accept()

    def handle_error(self, request, client_address):
        # Many tests disconnect on purpose.
        pass


def certify(folder, host):
    """Generates an authority and a certificate of it for one run. `authority.pem` is for runtimes, which check it."""
    authority, key, certificate = (os.path.join(folder, name) for name in ("authority.pem", "key.pem", "certificate.pem"))
    names = [f"{prefix}{host}".encode("idna").decode() for host in (host, OTHER_HOST) for prefix in ("", *(f"{name}." for name in SUBDOMAINS))]
    issue(["-keyout", f"{authority}.key", "-out", authority, "-subj", "/CN=samesocket tests"])
    signed = ["-keyout", key, "-out", certificate, "-CA", authority, "-CAkey", f"{authority}.key", "-subj", f"/CN={host}"]
    names = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)
    issue([*signed, "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"])
    return key, certificate


def issue(options):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def domains(host):
    return {"": host, **{name: f"{name}.{host}".encode("idna").decode() for name in SUBDOMAINS}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--class", dest="class_script")
    parser.add_argument("--host", required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    root = os.path.abspath(arguments.root)
    sys.path.insert(0, root)
    host = arguments.host
    key, certificate = certify(arguments.scratch, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    config = Config(
        browser_host=host,
        server_host="127.0.0.1",
        doc_root=root,
        all_domains={"": domains(host), "alt": domains(OTHER_HOST)},
        domains=domains(host),
        logging={"level": "critical", "suppress_handler_traceback": True},
    )
    pages = Pages(root, arguments.class_script and os.path.abspath(arguments.class_script))

    with stash.StashServer(authkey=str(uuid.uuid4())):
        def serve(use_ssl):
            server = WebTestHttpd(
                host="127.0.0.1", port=0, doc_root=root, routes=routes(pages), config=config,
                rewrites=[("GET", "/resources/WebIDLParser.js", "/resources/webidl2/lib/webidl2.js")],
                use_ssl=use_ssl, key_file=key, certificate=certificate,
            )
            server.start()
            return server.port

        ports = {"http": [serve(False), serve(False)], "https": [serve(True), serve(True)]}
        for scheme, tls in (("ws", None), ("wss", context)):
            server = WebSockets(root, tls)
            ports[scheme] = [server.server_port]
            threading.Thread(target=server.serve_forever, daemon=True).start()
        # Templates need an HTTP/2 port, too. These tests are not run, so the port is a placeholder.
        config["ports"] = {**ports, "h2": [9]}
        print(json.dumps(ports), flush=True)
        # Run until the parent process closes standard input.
        sys.stdin.read()


if __name__ == "__main__":
    main()
