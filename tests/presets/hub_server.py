"""A stand-in of the Hugging Face hub's HTTP API, as far as presets need it: one repository a name, commits, files."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.server.requests.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if match := re.fullmatch(r"/api/models/([\w-]+/[\w-]+)/(revision|tree)/(\w+)", path):
            repository, kind, revision = match.groups()
            commit = self.commit_of(repository, revision)
            if commit is None:
                return self.answer(404, {"error": "not found"}, X_Error_Code="RepoNotFound")
            files = self.server.commits[repository][commit]
            if kind == "tree":
                rows = [
                    {"type": "file", "path": name, "size": len(data), "oid": _oid(data)} for name, data in files.items()
                ]
                return self.answer(200, rows, Content_Type="application/json")
            about = {"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
            return self.answer(200, about, Content_Type="application/json")
        if match := re.fullmatch(r"/([\w-]+/[\w-]+)/resolve/(\w+)/(.+)", path):
            repository, revision, name = match.groups()
            commit = self.commit_of(repository, revision)
            data = self.server.commits.get(repository, {}).get(commit, {}).get(name)
            if data is None:
                return self.answer(404, X_Error_Code="EntryNotFound")
            return self.answer(200, data, ETag=f'"{_oid(data)}"', X_Repo_Commit=commit)
        return self.answer(404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):
        self.server.requests.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
            self.server.commits.setdefault(name, {})
            return self.answer(200, {"url": f"{self.server.url}/{name}"})
        if match := re.fullmatch(r"/api/models/([\w-]+/[\w-]+)/(preupload|commit)/main", path):
            repository, kind = match.groups()
            if kind == "preupload":
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                return self.answer(200, {"files": files})
            rows = [json.loads(line)["value"] for line in body.splitlines() if json.loads(line)["key"] == "file"]
            commits = self.server.commits[repository]
            files = dict(next(reversed(commits.values()), {}))
            files |= {row["path"]: base64.b64decode(row["content"]) for row in rows}
            commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
            commits[commit] = files
            return self.answer(
                200, {"commitUrl": f"{self.server.url}/{repository}/commit/{commit}", "commitOid": commit}
            )
        if path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        return self.answer(404)

    def commit_of(self, repository, revision):
        commits = self.server.commits.get(repository, {})
        return revision if revision in commits else next(reversed(commits), None) if revision == "main" else None


def _oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextlib.contextmanager
def hub_server():
    """Runs it; its `url`, `commits` (by repository and hash, a dict of files each) and `requests` are attributes."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.url, server.commits, server.requests = f"http://127.0.0.1:{server.server_port}", {}, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
