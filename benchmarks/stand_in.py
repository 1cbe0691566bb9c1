"""The stand-in for LINE: nginx over TLS and HTTP/2, which answers at once, late or badly, and logs every push.

One line of its log a push: time of the answer (unix seconds), seconds from the request's first byte to the answer,
status, bytes of the request, retry key. It can't remember retry keys, so a repeated push is answered 200 where LINE
answers 409; the report counts those from the log.
"""

import datetime
import ipaddress
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchmarks.processes import BenchError, free_ports, is_listening, running, wait_until

_ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
_INSTALL = "apt-get install nginx-light libnginx-mod-http-echo"
_ACCEPTED = """echo '{"sentMessages":[{"id":"1"}]}';"""

_MAIN = """
daemon off;
pid nginx.pid;
load_module MODULE;
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
    error_log error.log warn;
    access_log off;
    default_type application/json;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_body_buffer_size 128k;
    keepalive_requests PUSHES_A_CONNECTION;
    keepalive_timeout 600s;
    http2_max_concurrent_streams STREAMS;
    ssl_certificate leaf.pem;
    ssl_certificate_key leaf.key;
    ssl_session_cache shared:tls:1m;
    ssl_protocols TLSv1.2 TLSv1.3;
    add_header x-line-request-id $request_id;
    log_format pushes '$msec $request_time $status $request_length $http_x_line_retry_key';
    map $request_body $channel { "~client_id=(?<id>[0-9]+)" $id; default 0; }
    map $http_authorization $bot { "~token-(?<id>[0-9]+)" $id; default 0; }
    split_clients $request_id $draw { FAULTS }
    SERVERS
}
"""

_SERVER = """
    server {
        listen 127.0.0.1:PORT ssl http2;
        location = /v2/bot/message/push {
            access_log pushes.log pushesBUFFER;
            echo_read_request_body;
            FAULT
            DELAY
            ACCEPTED
        }
        location = /v2/bot/message/push/slow {
            internal;
            access_log pushes.log pushesBUFFER;
            echo_sleep 2;
            ACCEPTED
        }
        location = /oauth2/v3/token {
            echo_read_request_body;
            echo '{"token_type":"Bearer","access_token":"token-$channel","expires_in":900}';
        }
        location = /v2/bot/info {
            echo -n '{"userId":"U$bot","basicId":"@$bot","displayName":"Bench $bot",';
            echo '"chatMode":"bot","markAsReadMode":"auto"}';
        }
        location = /v2/bot/message/quota { echo '{"type":"none"}'; }
        location = /v2/bot/message/quota/consumption { echo '{"totalUsage":0}'; }
        location / { return 404 '{"message":"Not found"}'; }
    }
"""


class Faults(msgspec.Struct, frozen=True):
    """Shares of the pushes, in percent: closed without an answer, answered 500, answered after 2 s.

    After `pushes_a_connection` a connection is ended in good order: by GOAWAY under HTTP/2.
    """

    closed: float = 0.0
    errors: float = 0.0
    slow: float = 0.0
    pushes_a_connection: int = 10_000_000


class StandIn(msgspec.Struct, frozen=True):
    """A running stand-in: answers at once at `url`, after the delay at `slow_url`. `pid` is nginx's master."""

    url: str
    slow_url: str
    ca_file: Path
    log: Path
    pid: int


@contextmanager
def stand_in(
    folder: Path, *, delay: float = 0.15, streams: int = 128, faults: Faults | None = None
) -> Iterator[StandIn]:
    """Run nginx in `folder`; `delay` in seconds, `streams` is how many pushes one HTTP/2 connection may carry.

    128 streams is nginx's default; what LINE allows is not documented. Raises BenchError when nginx is missing.
    """
    if shutil.which("nginx", path="/usr/sbin:/usr/bin") is None or not _ECHO_MODULE.exists():
        raise BenchError(f"The stand-in for LINE needs nginx with its echo module: {_INSTALL}")
    folder.mkdir(parents=True)
    write_certificates(folder)
    port, slow_port = free_ports(2)
    servers = _server(port, faults=faults) + _server(slow_port, delay=delay)
    (folder / "nginx.conf").write_text(_main(servers, streams=streams, faults=faults or Faults()), encoding="ascii")
    command = ["nginx", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]
    with running(command, log=folder / "output.log") as process:
        wait_until(lambda: is_listening(slow_port), what="The start of nginx", seconds=10, log=folder / "output.log")
        yield StandIn(
            url=f"https://127.0.0.1:{port}",
            slow_url=f"https://127.0.0.1:{slow_port}",
            ca_file=folder / "ca.pem",
            log=folder / "pushes.log",
            pid=process.pid,
        )


def write_certificates(folder: Path) -> None:
    """Write `ca.pem`, and `leaf.pem` with `leaf.key` for 127.0.0.1: clients refuse a self-signed leaf."""
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Lumo bench CA")
    ca = (
        _certificate(ca_name, ca_name, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    leaf = (
        _certificate(_name("127.0.0.1"), ca_name, leaf_key)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    key = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "leaf.key").write_bytes(key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(hours=1),
        not_valid_after=now + datetime.timedelta(days=2),
    )


def _main(servers: str, *, streams: int, faults: Faults) -> str:
    shares = {"closed": faults.closed, "error": faults.errors, "slow": faults.slow}
    draws = " ".join(f"{share}% {name};" for name, share in shares.items() if share)
    return (
        _MAIN.replace("MODULE", str(_ECHO_MODULE))
        .replace("PUSHES_A_CONNECTION", str(faults.pushes_a_connection))
        .replace("STREAMS", str(streams))
        .replace("FAULTS", f"{draws} * none;")
        .replace("SERVERS", servers)
    )


def _server(port: int, *, delay: float = 0.0, faults: Faults | None = None) -> str:
    broken = """
            if ($draw = closed) { return 444; }
            if ($draw = error) { return 500 '{"message":"Internal error"}'; }
            if ($draw = slow) { rewrite ^ /v2/bot/message/push/slow last; }
    """
    return (
        _SERVER.replace("PORT", str(port))
        .replace("FAULT", broken if faults else "")
        .replace("DELAY", f"echo_sleep {delay};" if delay else "")
        .replace("BUFFER", "" if faults else " buffer=16k flush=5ms")  # a killed nginx loses its buffer
        .replace("ACCEPTED", _ACCEPTED)
    )
