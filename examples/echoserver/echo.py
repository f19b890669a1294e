"""Answers every GET with the path that was asked for, on port 8080."""

import http.server

from replies import reply


class Echo(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """Sends the path back."""
        body = reply(self.path).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8080), Echo).serve_forever()
