"""Where the local stack lives: its ports and its files."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from local.console import Failure

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
REGION = "us-east-1"
STACK_NAME = "ledgerline-dev"
FIRST_PORT = 8787


@dataclass(frozen=True)
class Ports:
    """One port for each thing that listens, all on the loopback address."""

    api: int
    webhook: int
    stripe: int
    aws: int

    @classmethod
    def fixed(cls) -> "Ports":
        """Four ports in a row from 8787, or `PORTS`: the same addresses from start to start."""
        text = os.environ.get("PORTS", str(FIRST_PORT))
        if not text.isdecimal() or not 1024 <= int(text) <= 65531:
            raise Failure(f"PORTS is the first of four ports, from 1024 to 65531, not {text!r}")
        first = int(text)
        return cls(api=first, webhook=first + 1, stripe=first + 2, aws=first + 3)

    @classmethod
    def free(cls) -> "Ports":
        """Whatever is free now: for tests beside a running stack."""
        sockets = [socket.socket() for _ in range(4)]
        try:
            for each in sockets:
                each.bind((HOST, 0))
            return cls(*(each.getsockname()[1] for each in sockets))
        finally:
            for each in sockets:
                each.close()

    def require_free(self) -> None:
        """Fail with the port's name before anything has been started."""
        for name, port in vars(self).items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError:
                    raise Failure(
                        f"port {port} ({name}) is taken: by another `make run`? Else say: PORTS=9000 make run"
                    ) from None


@dataclass(frozen=True)
class Paths:
    """The files of one local stack, all under one folder that `make clean-run` removes."""

    base: Path

    @property
    def emulator_state(self) -> Path:
        """What the emulator saves when it is stopped."""
        return self.base / "state"

    @property
    def stripe_db(self) -> Path:
        """The Stripe sandbox's database."""
        return self.base / "stripe.db"

    @property
    def build(self) -> Path:
        """The artifacts of the last local `sam build`."""
        return self.base / "build"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.base / "logs"

    @property
    def deployed(self) -> Path:
        """The fingerprint of what is deployed."""
        return self.base / "deployed"

    @property
    def keys(self) -> Path:
        """Secrets of this stack that must stay the same from start to start."""
        return self.base / "keys.json"

    @property
    def stack(self) -> Path:
        """What a client of the running stack needs to know."""
        return self.base / "stack.json"

    def make(self) -> None:
        """The folders, readable by their owner alone: keys are in them."""
        self.base.mkdir(parents=True, exist_ok=True)
        self.base.chmod(0o700)
        for folder in (self.emulator_state, self.logs):
            folder.mkdir(exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, complete or not there at all."""
    partial = path.with_name(path.name + ".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as sink:
        sink.write(text)
    partial.replace(path)


def aws_environment(ports: Ports) -> dict[str, str]:
    """This process's environment with AWS pointed at the emulator: no real account can be touched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "STRIPE_"))}
    return kept | {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports.aws}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }
