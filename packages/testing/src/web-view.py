"""A WebKitGTK WebView under a WebDriver's control, with one page scheme of its own.

What a native shell gives its web part: a bare view, and pages under `SCHEME://localhost/`, which
are served here from an HTTP server. Started by WebKitWebDriver:
    web-view.py [SCHEME HTTP-ORIGIN]
"""

import sys
import urllib.error
import urllib.request

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Soup", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gio, GLib, Gtk, Soup, WebKit2  # noqa: E402

PHONE = (412, 915)


def serve(request, origin):
    """Answers a request of the page scheme with what the HTTP server says."""
    path = request.get_uri().split("://localhost", 1)[-1]
    try:
        answer = urllib.request.urlopen(origin + path, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        body = answer.read()
        headers = Soup.MessageHeaders.new(Soup.MessageHeadersType.RESPONSE)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "keep-alive", "transfer-encoding"):
                headers.append(name, value)
        stream = Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(body))
        response = WebKit2.URISchemeResponse.new(stream, len(body))
        response.set_status(answer.status, None)
        response.set_content_type(answer.headers.get_content_type())
        response.set_http_headers(headers)
        request.finish_with_response(response)


def create_view(context):
    view = WebKit2.WebView(web_context=context, is_controlled_by_automation=True)
    window = Gtk.Window(default_width=PHONE[0], default_height=PHONE[1])
    window.add(view)
    window.show_all()
    view.connect("close", lambda _: window.destroy())
    window.connect("destroy", lambda _: Gtk.main_quit())
    return view


def main():
    Gtk.init(None)
    context = WebKit2.WebContext.new_ephemeral()
    if len(sys.argv) == 3:
        scheme, origin = sys.argv[1:]
        context.register_uri_scheme(scheme, serve, origin)
        security = context.get_security_manager()
        security.register_uri_scheme_as_secure(scheme)
        security.register_uri_scheme_as_cors_enabled(scheme)
    context.set_automation_allowed(True)
    context.connect(
        "automation-started",
        lambda _, session: session.connect("create-web-view", lambda _: create_view(context)),
    )
    Gtk.main()


main()
