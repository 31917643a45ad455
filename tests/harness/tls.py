"""Certificates made for one test, Redis servers that speak TLS, and clients that do.

    authority = tls.Authority(world.folder)
    authority.issue("server", "DNS:localhost", "IP:127.0.0.1")   # server.crt and server.key in the folder
    redis = tls.redis(world)                                     # with that certificate
    client = tls.Client(("127.0.0.1", port), authority.context(cert="web"))
"""

import pathlib
import ssl
import subprocess

import harness
import resp

EXTENSIONS = "basicConstraints=CA:FALSE\nsubjectAltName={}\n"
SIGNING = """\
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/{name}.index
serial = {folder}/{name}.serial
private_key = {folder}/{name}.key
certificate = {folder}/{name}.crt
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def context(folder, ca="ca", cert=None):
    """For a client that trusts this authority, and shows the certificate of that name."""
    made = ssl.create_default_context(cafile=f"{folder}/{ca}.crt")
    if cert:
        made.load_cert_chain(f"{folder}/{cert}.crt", f"{folder}/{cert}.key")
    return made


class Authority:
    """A CA: NAME.crt and NAME.key in the folder, and what it has signed beside them."""

    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder)
        self.name = name
        self._request(name, "-x509", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign", out=self.path(name))
        (self.folder / f"{name}.index").write_text("")
        (self.folder / f"{name}.serial").write_text("1000\n")
        (self.folder / f"{name}.cnf").write_text(SIGNING.format(folder=folder, name=name))

    def path(self, name, kind="crt"):
        return self.folder / f"{name}.{kind}"

    def _request(self, name, *more, out):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch",
                "-subj", f"/CN={name}", "-keyout", self.path(name, "key"), "-out", out, *more)

    def issue(self, name, *names, has_expired=False, begin="20200101000000Z"):
        """NAME.crt and NAME.key, for these alternative names; NAME is the common name."""
        request = self.path(name, "csr")
        more = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
        self._request(name, *more, out=request)
        end = "20210101000000Z" if has_expired else "20980101000000Z"
        openssl("ca", "-batch", "-notext", "-config", self.path(self.name, "cnf"), "-in", request,
                "-out", self.path(name), "-startdate", begin, "-enddate", end)
        return self

    def context(self, cert=None):
        """For a client, which shows the certificate of that name."""
        return context(self.folder, self.name, cert)


def redis_options(folder, port, cert="server", ca="ca", ask="no"):
    """What makes a Redis speak TLS at the port."""
    return ["--tls-port", str(port), "--tls-cert-file", f"{folder}/{cert}.crt",
            "--tls-key-file", f"{folder}/{cert}.key", "--tls-ca-cert-file", f"{folder}/{ca}.crt",
            "--tls-auth-clients", ask]  # fmt: skip


def redis(world, name="main", cert="server", ca="ca", ask="no", options=()):
    """A Redis whose port `tls_port` speaks TLS; `ask`: whether clients show a certificate."""
    if name in world.servers:
        return world.servers[name]
    folder, port = world.folder, harness.free_port()
    server = world.redis(name, options=[*redis_options(folder, port, cert, ca, ask), *options])
    server.tls_port = port
    return server


class Client(resp.Client):
    """A connection over TLS to cachesd or to Redis."""

    def __init__(self, address, context, name="localhost", timeout=10, session=None):
        super().__init__(address, timeout)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name, session=session)
        except BaseException:
            self.socket.close()
            raise
