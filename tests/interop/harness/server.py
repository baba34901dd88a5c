"""locumd in this little internet: the black-box suites' daemon, on the real ports."""
import json
import pathlib
import ssl
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "blackbox"))

import harness as blackbox  # noqa: E402  (the folder must be on the path first)

ZONE = "auth.example.org"
COMPAT = "/api/v1/acme-dns-compat"
make_txt = blackbox.make_txt


def program(name):
    """The path of a program that we built."""
    return blackbox.program(name)


def hook(name):
    """The path of a hook that we ship."""
    return blackbox.SOURCE / "packaging" / "hooks" / name


class Server:
    """One locumd at ADDRESS; with an AUTHORITY its API is https on 443, else http on 80. What else
    is given goes into its configuration."""

    def __init__(self, folder, address, authority=None, **config):
        self.address = address
        self.authority = authority
        self.scheme = "https" if authority else "http"
        self.url = f"{self.scheme}://{ZONE}"
        self.base = self.url + COMPAT
        tls = {"tls": "off"}
        if authority:
            certificate, key = authority.issue(ZONE)
            tls = {"tls": "file", "certificate": str(certificate), "private_key": str(key)}
        place = pathlib.Path(folder) / "locumd"
        place.mkdir()
        self.daemon = blackbox.Locumd(
            start=False, folder=place,
            dns={"listen": [f"{address}:53"]},
            api={"listen": [f"{address}:{443 if authority else 80}"],
                 "public_url": self.url, **tls},
            zones=[{"name": ZONE, "nameservers": [f"ns1.{ZONE} {address}"],
                    "contact": "hostmaster@example.org",
                    "records": f"{ZONE}. 300 IN A {address}\n"}],
            **config)

    def start(self):
        self.daemon.start()

    def stop(self):
        """Ends the daemon, which must drain and end well."""
        self.daemon.finish()

    @property
    def log(self):
        return self.daemon.log

    def http(self, method, path, body=None, headers=None):
        """One request by the server's public name; (status, body)."""
        data = json.dumps(body).encode() if body is not None else None
        if method == "POST" and data is None:
            data = b""
        request = urllib.request.Request(self.url + path, data, dict(headers or {}), method=method)
        trust = ssl.create_default_context(cafile=self.authority.bundle) if self.authority else None
        try:
            with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()

    def register(self):
        status, body = self.http("POST", COMPAT + "/register")
        assert status == 201, (status, body)
        return json.loads(body)

    def update(self, account, txt, subdomain=None):
        """Sets TXT with ACCOUNT's credentials; (status, body)."""
        return self.http("POST", COMPAT + "/update",
                         {"subdomain": subdomain or account["subdomain"], "txt": txt},
                         {"X-Api-User": account["username"], "X-Api-Key": account["password"]})

    def clear(self, account):
        """Takes all of ACCOUNT's values away."""
        status, body = self.http(
            "POST", "/api/v1/clear", {"subdomain": account["subdomain"]},
            {"X-Api-User": account["username"], "X-Api-Key": account["password"]})
        assert status == 200, (status, body)

    def ledger(self, kind=None):
        """The ledger's rows, oldest first; only those of a KIND if given."""
        answer = self.daemon.admin("GET", "/admin/ledger?limit=10000")
        assert answer.status == 200, answer
        rows = answer.json()["rows"]
        return [row for row in rows if kind in (None, row["kind"])]
